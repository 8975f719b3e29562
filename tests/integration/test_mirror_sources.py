"""Sources as the web has them, over the real engine: each way to answer ends in the whole film or in true words."""

from __future__ import annotations

import pytest

from clipferry.errors import SourceError, SourceGoneError, SourceInvalidError
from tests.integration.mirror_fixtures import KEY, PART, film, sha256, storage_for, strict_r2
from tests.integration.scripted_source import (
    ETAG,
    Answer,
    Ask,
    Script,
    ScriptedSource,
    asked_range,
    chunked,
    empty,
    given,
    head,
    plain,
    scripted,
    whole,
)

FILM = film(3 * PART + 1000)
SMALL = film(PART // 2)
HINTS = head("102 Processing") + head("103 Early Hints", "Link: </a.css>")
MALFORMED = ("X-Broken", "Set Cookie: a=b", ": no name", "X-Control: a\rb\x0bc")


def mirror(source: ScriptedSource, content: bytes, workers: int = 3) -> None:
    """Mirrors it; what the bucket holds is the film to its last byte, or nothing, and no upload is left open."""
    with strict_r2() as r2:
        storage = storage_for(r2, pause_seconds=0.002, stall_seconds=5, workers=workers)
        try:
            done = storage.transfer(source_url=source.url, key=KEY)
            assert done.sha256 == sha256(content)
            assert r2.bucket.objects[KEY].content == content
        finally:
            storage.close()
            assert r2.bucket.uploads == {}


def refusing_the_first_range(status: str) -> Script:
    return lambda ask: empty(status) if ask.start is not None else whole(FILM, f"ETag: {ETAG}")


def refusing_what_is_beyond(ask: Ask) -> Answer:
    if ask.last is not None and ask.last >= len(SMALL):
        return empty("416 Range Not Satisfiable", f"Content-Range: bytes */{len(SMALL)}")
    return plain(ask, SMALL)


def encoded(coding: str) -> Script:
    return lambda ask: plain(ask, FILM, f"Content-Encoding: {coding}")


def short(ask: Ask, *lines: str) -> Answer:
    start, end = asked_range(ask, FILM)
    return given(FILM, start, min(end, start + 30_000), f"ETag: {ETAG}", *lines)


def whole_as_a_range(ask: Ask) -> Answer:
    return given(FILM, 0, len(FILM), f"ETag: {ETAG}") if ask.start == 0 else plain(ask, FILM)


def whole_as_a_range_without_etag(_ask: Ask) -> Answer:
    return given(FILM, 0, len(FILM), "ETag: W/weak")


def in_chunks(ask: Ask) -> Answer:
    start, end = asked_range(ask, FILM)
    answer = given(FILM, start, end, "Transfer-Encoding: chunked", f"ETag: {ETAG}", length="")
    return Answer(sent=answer.sent[: -(end - start)] + chunked(FILM[start:end]))


def in_chunks_without_etag(_ask: Ask) -> Answer:
    answer = given(SMALL, 0, len(SMALL), "Transfer-Encoding: chunked", length="")
    return Answer(sent=answer.sent[: -len(SMALL)] + chunked(SMALL))


def saying_its_length_twice(ask: Ask) -> Answer:
    start, end = asked_range(ask, FILM)
    return given(
        FILM, start, end, *MALFORMED, f"ETag:\t {ETAG} \t", length=f"Content-Length: {end - start}, {end - start}"
    )


def resetting(ask: Ask) -> Answer:
    """The connection is reset after 20 kB of every answer: within a step, which is longer."""
    answer = plain(ask, FILM)
    return Answer(sent=answer.sent[:20_000], keeps=False, resets=True)


def throttling(ask: Ask) -> Answer:
    return empty("429 Too Many Requests", "Retry-After: 0") if ask.number % 2 == 0 else plain(ask, FILM)


ARRIVES: dict[str, tuple[Script, bytes]] = {
    **{f"refuses the first range: {status}": (refusing_the_first_range(status), FILM)
       for status in ("400 Bad Request", "403 Forbidden", "405 No", "416 No", "501 Not Implemented")},
    "refuses a range beyond the file's end": (refusing_what_is_beyond, SMALL),
    **{f"Content-Encoding: {coding}": (encoded(coding), FILM)
       for coding in ("", "identity", "aws-chunked", "binary", "utf-8", "video/mp4", "aws-chunked, none")},
    "102 and 103 before each answer": (lambda ask: Answer(sent=HINTS + plain(ask, FILM).sent), FILM),
    "ranges that are shorter than asked": (short, FILM),
    "the whole file as a range": (whole_as_a_range, FILM),
    "the whole file as a range, without an ETag": (whole_as_a_range_without_etag, FILM),
    "chunks": (in_chunks, FILM),
    "chunks without an ETag": (in_chunks_without_etag, SMALL),
    "malformed lines, blanks, the length twice": (saying_its_length_twice, FILM),
    "a reset within every step": (resetting, FILM),
    "every other request is one too many": (throttling, FILM),
}  # fmt: skip


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("way", ARRIVES)
def test_a_film_arrives_whole_however_it_is_served(way: str, workers: int) -> None:
    script, content = ARRIVES[way]
    with scripted(script) as source:
        mirror(source, content, workers)


def balanced(ask: Ask) -> Answer:
    """Many servers behind one address, each with an ETag of its own; ranges come short, so that more are asked for."""
    etag = f'"node-{ask.number}"'
    if ask.start is None or ask.if_range not in (None, etag):
        return whole(FILM, f"ETag: {etag}")
    return given(FILM, ask.start, min(ask.start + 30_000, len(FILM)), f"ETag: {etag}")


def test_a_source_with_an_etag_for_each_node_is_fetched_without_ranges() -> None:
    """By the storage itself, so that the standalone command does it, too."""
    restarts: list[int] = []
    with strict_r2() as r2, scripted(balanced) as source:
        storage = storage_for(r2, pause_seconds=0.002)
        done = storage.transfer(source_url=source.url, key=KEY, on_restart=lambda: restarts.append(len(source.asked)))
        assert (done.sha256, r2.bucket.uploads) == (sha256(FILM), {})
        assert [ask.start is None for ask in source.asked] == [False] * restarts[1] + [True]
        storage.close()


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "aws-chunked, zstd", "deflate", "x-gzip"])
def test_a_body_that_is_really_encoded_is_refused(coding: str) -> None:
    with scripted(encoded(coding)) as source, pytest.raises(SourceError, match="wasn't asked for"):
        mirror(source, FILM)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (lambda _: Answer(sent=head("101 Switching Protocols", "Upgrade: h2c")), "another protocol"),
        (lambda _: Answer(sent=head("103 Early Hints") * 9), "more than 8 responses of 1xx"),
        (lambda _: Answer(sent=head("200 OK", "Transfer-Encoding: chunked") + chunked(FILM)), "no Content-Length"),
        (lambda _: whole(FILM, "Content-Length: 5"), "no single number"),
        (lambda _: empty("302 Found", "Location: /a", "Location: /b"), "several Locations"),
        (lambda ask: Answer(sent=plain(ask, SMALL).sent[:-1], keeps=False), "the connection ended"),
    ],
)  # fmt: skip
def test_what_cannot_be_trusted_is_refused_with_the_reason(script: Script, words: str) -> None:
    with scripted(script) as source, pytest.raises(SourceError, match=words) as refused:
        mirror(source, FILM)
    assert type(refused.value) is SourceError


@pytest.mark.parametrize("status", ["400 ExpiredToken", "401 Unauthorized", "403 Forbidden", "404 No", "410 Gone"])
def test_an_address_that_has_expired_is_asked_once_without_a_range_and_then_gone(status: str) -> None:
    with scripted(lambda _: empty(status)) as source:
        with pytest.raises(SourceGoneError):
            mirror(source, FILM)
        assert [ask.start is None for ask in source.asked] == [False, True]


# Redirects


def redirecting(*locations: str) -> Script:
    def script(ask: Ask) -> Answer:
        if ask.path == "/film.mp4":
            return empty("302 Found", *(f"Location: {location}" for location in locations))
        return plain(ask, SMALL)

    return script


@pytest.mark.parametrize(
    ("locations", "path"),
    [
        (["  /a b.mp4 \t"], "/a%20b.mp4"),
        (["/\xc3\xa9.mp4?sig=a%2Fb"], "/%C3%A9.mp4?sig=a%2Fb"),
        (["/\xb1\xe0.mp4"], "/%B1%E0.mp4"),
        (["/a;v=1?"], "/a;v=1?"),
        (["/a?sig=x;y=?&z=;"], "/a?sig=x;y=?&z=;"),
        (["sub/../b.mp4?", "sub/../b.mp4?"], "/b.mp4?"),
        (["?again#part"], "/film.mp4?again"),
    ],
)
def test_a_location_is_asked_for_as_it_was_meant(locations: list[str], path: str) -> None:
    with scripted(redirecting(*locations)) as source:
        mirror(source, SMALL)
        assert source.paths() == ["/film.mp4", path]


@pytest.mark.parametrize("location", ["/a\x01b", "/a\tb", "/a\rb", "/a\x7f"])
def test_a_location_with_a_control_character_is_refused(location: str) -> None:
    with scripted(redirecting(location)) as source, pytest.raises(SourceInvalidError):
        mirror(source, SMALL)


class Expiring:
    """The address redirects to a place that works for `uses` requests; then it has to be asked for another."""

    def __init__(self, serve: Script, *, uses: int, original_works: bool = True) -> None:
        self.places = self.served = self._left = 0
        self._serve, self._uses, self._original_works = serve, uses, original_works

    def __call__(self, ask: Ask) -> Answer:
        if ask.path == "/film.mp4":
            if self.places and not self._original_works:
                return empty("403 Forbidden")
            self.places, self._left = self.places + 1, self._uses
            return empty("302 Found", f"Location: /signed/{self.places}")
        if ask.path != f"/signed/{self.places}" or not self._left:
            return empty("400 Expired")
        self._left -= 1
        self.served += 1
        return self._serve(ask)


def everything_at_once(ask: Ask) -> Answer:
    """Early hints, malformed lines, a coding that is none, a length twice, and ranges that come short and in chunks."""
    start, end = asked_range(ask, FILM)
    end = min(end, start + 25_000)
    if ask.number % 2:
        answer = given(FILM, start, end, *MALFORMED, "Content-Encoding: utf-8", f"ETag: {ETAG}")
        return Answer(sent=HINTS + answer.sent)
    answer = given(FILM, start, end, "Transfer-Encoding: chunked", f"ETag: {ETAG}", length="")
    return Answer(sent=HINTS + answer.sent[: start - end] + chunked(FILM[start:end]))


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("serve", [short, everything_at_once], ids=["short ranges", "everything at once"])
def test_a_redirect_that_expires_between_ranges_is_followed_again_once_for_all_workers(
    serve: Script, workers: int
) -> None:
    script = Expiring(serve, uses=2)
    with scripted(script) as source:
        mirror(source, FILM, workers)
        assert all(ask.if_range == ETAG for ask in source.asked[2:])
    assert script.served >= 7
    assert script.places == -(-script.served // 2)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_redirect_that_has_expired_for_good_is_gone(workers: int) -> None:
    script = Expiring(short, uses=2, original_works=False)
    with scripted(script) as source:
        with pytest.raises(SourceGoneError):
            mirror(source, FILM, workers)
        assert source.paths().count("/film.mp4") == 2
