"""Callbacks as providers send them, to a receiver that doesn't always want them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from local.http.messages import NoResponse, Request, Response
from local.http.server import HttpServer
from local.providers.callback_sender import CallbackSender

PATIENCE = 30.0
"""Seconds after which a test gives up on something that should happen much sooner."""


@dataclass
class Receiver:
    """Keeps each request and answers with the next of `replies`, or 200."""

    url: str
    replies: list[int | NoResponse] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    reached: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: Request) -> Response | NoResponse:
        self.requests.append(request)
        self.reached.set()
        reply = self.replies.pop(0) if self.replies else 200
        return reply if isinstance(reply, NoResponse) else Response(status=reply, headers={"Location": "/elsewhere"})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = HttpServer()
    receiver = Receiver(url=f"{server.url}/callback?videoUuid=vid_1&sig=a%2Bb")
    with server.serving(receiver.answer):
        yield receiver


def sender(*retry_delays: float, timeout: float = PATIENCE) -> CallbackSender:
    return CallbackSender(timeout=timeout, retry_delays=retry_delays)


def test_a_callback_is_one_post_of_json(receiver: Receiver) -> None:
    assert sender().deliver(receiver.url, b'{"a":1}', headers={"X-Webhook-Timestamp": "1769670760"})

    [request] = receiver.requests
    assert (request.method, request.path, request.query) == ("POST", "/callback", "videoUuid=vid_1&sig=a%2Bb")
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Webhook-Timestamp"] == "1769670760"
    assert request.body == b'{"a":1}'


def test_it_is_sent_again_until_it_is_taken(receiver: Receiver) -> None:
    receiver.replies = [503, 404, 204]
    post = sender(0, 0, 0)

    assert post.deliver(receiver.url, b"{}")
    assert [attempt.status for attempt in post.attempts] == [503, 404, 204]


def test_it_is_given_up_after_the_last_retry(receiver: Receiver) -> None:
    receiver.replies = [500] * 9
    post = sender(0, 0, 0)

    assert not post.deliver(receiver.url, b"{}")
    assert [attempt.status for attempt in post.attempts] == [500] * 4


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.replies = [302, 307]
    post = sender(0)

    assert not post.deliver(receiver.url, b"{}")
    assert [request.path for request in receiver.requests] == ["/callback", "/callback"]


def test_no_answer_is_tried_again_too(receiver: Receiver) -> None:
    receiver.replies = [NoResponse.HANG_UP]
    post = sender(0)

    assert post.deliver(receiver.url, b"{}")
    assert [attempt.status for attempt in post.attempts] == [None, 200]


def test_a_receiver_that_takes_too_long_is_given_up(receiver: Receiver) -> None:
    receiver.replies = [NoResponse.HOLD]
    post = sender(timeout=0.05)

    assert not post.deliver(receiver.url, b"{}")
    assert [attempt.status for attempt in post.attempts] == [None]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/callback", f"http://{'x' * 64}.example/", "https://127.0.0.1:9/"])
def test_a_receiver_that_is_not_there_is_no_answer(url: str) -> None:
    post = sender(0)

    assert not post.deliver(url, b"{}")
    assert [attempt.status for attempt in post.attempts] == [None, None]


def test_whoever_waits_for_the_first_attempt_need_not_wait_for_the_retries(receiver: Receiver) -> None:
    receiver.replies = [500]
    post, attempted = sender(3600), threading.Event()
    delivery = threading.Thread(target=post.deliver, args=(receiver.url, b"{}"), kwargs={"attempted": attempted})
    delivery.start()

    assert attempted.wait(PATIENCE)
    assert [attempt.status for attempt in post.attempts] == [500]
    post.interrupt()
    delivery.join(PATIENCE)
    assert not delivery.is_alive()


def test_an_open_request_can_be_interrupted(receiver: Receiver) -> None:
    receiver.replies = [NoResponse.HOLD]
    post = sender(3600, timeout=3600)
    delivery = threading.Thread(target=post.deliver, args=(receiver.url, b"{}"))
    delivery.start()
    assert receiver.reached.wait(PATIENCE)

    post.interrupt()
    delivery.join(PATIENCE)

    assert not delivery.is_alive()
    assert not post.deliver(receiver.url, b"{}")
