"""Callbacks as providers send them, to a receiver that doesn't always want them."""

from __future__ import annotations

import threading

import pytest

from local.http.messages import NoResponse
from local.providers.callback_sender import Callback, CallbackSender
from tests.callback_receiver import PATIENCE, Receiver


def sender(*retry_delays: float, timeout: float = PATIENCE) -> CallbackSender:
    return CallbackSender(timeout=timeout, retry_delays=retry_delays)


def empty(url: str) -> Callback:
    return Callback(url=url, body=b"{}")


def test_a_callback_is_one_post_of_json(receiver: Receiver) -> None:
    assert sender().deliver(Callback(url=receiver.url, body=b'{"a":1}', headers={"X-Webhook-Timestamp": "1769670760"}))

    [request] = receiver.requests
    assert (request.method, request.path, request.query) == ("POST", "/callback", "videoUuid=vid_1&sig=a%2Bb")
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Webhook-Timestamp"] == "1769670760"
    assert request.body == b'{"a":1}'


@pytest.mark.parametrize(
    ("answers", "attempts", "is_taken"),
    [
        ([503, 404, 204], [503, 404, 204], True),
        ([500] * 9, [500] * 4, False),
        ([302, 307, 301, 308], [302, 307, 301, 308], False),
        ([NoResponse.HANG_UP], [None, 200], True),
    ],
    ids=["taken in the end", "given up", "redirects are not followed", "no answer"],
)
def test_it_is_sent_again_until_it_is_taken_or_the_retries_are_over(
    receiver: Receiver, answers: list[int | NoResponse], attempts: list[int | None], is_taken: bool
) -> None:
    receiver.answers = answers
    post = sender(0, 0, 0)

    assert post.deliver(empty(receiver.url)) is is_taken
    assert [attempt.status for attempt in post.attempts] == attempts
    assert {request.path for request in receiver.requests} == {"/callback"}


def test_a_receiver_that_takes_too_long_is_given_up(receiver: Receiver) -> None:
    receiver.answers = [NoResponse.HOLD]
    post = sender(timeout=0.05)

    assert not post.deliver(empty(receiver.url))
    assert [attempt.status for attempt in post.attempts] == [None]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/callback", f"http://{'x' * 64}.example/", "https://127.0.0.1:9/"])
def test_a_receiver_that_is_not_there_is_no_answer(url: str) -> None:
    post = sender(0)

    assert not post.deliver(empty(url))
    assert [attempt.status for attempt in post.attempts] == [None, None]


@pytest.mark.parametrize("answer", [500, NoResponse.HOLD], ids=["between two attempts", "during one"])
def test_a_delivery_can_be_interrupted(receiver: Receiver, answer: int | NoResponse) -> None:
    receiver.answers = [answer]
    post, attempted = sender(3600, timeout=3600), threading.Event()
    delivery = threading.Thread(target=post.deliver, args=(empty(receiver.url),), kwargs={"attempted": attempted})
    delivery.start()
    assert receiver.reached.wait(PATIENCE)
    assert answer is NoResponse.HOLD or attempted.wait(PATIENCE)

    post.interrupt()
    delivery.join(PATIENCE)

    assert not delivery.is_alive()
    assert not post.deliver(empty(receiver.url))
