"""The signed callback URL: what it looks like, how long it lives, and that nobody else can make one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clipferry import callback_signature
from clipferry.errors import InvalidSignatureError

# The vector of the original system (reference: callback HMAC).
SECRET = "test-secret"
VIDEO = "vid_abcdefghijklmnopqrstu"
TIMESTAMP = "1768435200000"
SIGNATURE = "d23666955c706eacfad21e5f55a13c4340f3b37bf25a46e343b48521e92fbf1d"
SIGNED_AT = datetime(2026, 1, 15, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
GARBAGE = [
    "",
    "0",
    "-1",
    "-1768435200000",
    "+1768435200000",
    " 1768435200000",
    "1768435200000\n",
    "1768435200000x",
    "1768435200000.0",
    "1.7684352e12",
    "1_768_435_200_000",
    "12x",
    "0x19bbf2c5a00",
    "nan",
    "\u0661\u0667\u0666\u0668\u0664\u0663\u0665\u0662\u0660\u0660\u0660\u0660\u0660",
    "\u00b9\u2077\u2076\u2078\u2074\u00b3\u2075\u00b2\u2070\u2070\u2070\u2070\u2070",
    "253402300800000",
    "999999999999999",
    "9" * 16,
    "9" * 10_000,
    "\x00",
    "né",
    "\U0001f6a2",
]
LONE_SURROGATES = ["\ud800", "\udfff1768435200000", "1768435200000\ud800"]


def verify(
    video: str = VIDEO,
    timestamp: str = TIMESTAMP,
    signature: str = SIGNATURE,
    *,
    secrets: tuple[str, ...] = (SECRET,),
    now: datetime = SIGNED_AT,
) -> datetime:
    return callback_signature.verify(video, timestamp, signature, secrets=secrets, now=now)


def test_the_vector_of_the_original_system_is_met() -> None:
    assert callback_signature.sign(VIDEO, TIMESTAMP, SECRET) == SIGNATURE


def test_a_valid_signature_tells_when_it_was_made() -> None:
    signed_at = verify(now=SIGNED_AT + timedelta(hours=1))

    assert signed_at == SIGNED_AT
    assert signed_at.tzinfo is UTC


def test_the_url_carries_the_parameters_in_the_originals_order() -> None:
    url = callback_signature.callback_url(
        "https://api.example.com/api/v1/video/callback",
        provider="evolink",
        video_uuid=VIDEO,
        secret=SECRET,
        now=SIGNED_AT,
    )

    assert url == (
        f"https://api.example.com/api/v1/video/callback/evolink?videoUuid={VIDEO}&ts={TIMESTAMP}&sig={SIGNATURE}"
    )


def test_a_base_url_may_end_in_a_slash() -> None:
    url = callback_signature.callback_url(
        "https://api.example.com/callback/", provider="kie", video_uuid=VIDEO, secret=SECRET, now=SIGNED_AT
    )

    assert urlsplit(url).path == "/callback/kie"


@given(
    video=st.text(st.characters(codec="utf-8"), min_size=1),
    now=st.integers(0, 7_000_000_000_000_000).map(lambda microseconds: EPOCH + timedelta(microseconds=microseconds)),
)
def test_every_url_that_is_given_out_is_taken_back(video: str, now: datetime) -> None:
    url = callback_signature.callback_url(
        "https://api.example.com", provider="evolink", video_uuid=video, secret=SECRET, now=now
    )
    given_back = dict(parse_qsl(urlsplit(url).query, strict_parsing=True))

    signed_at = verify(given_back["videoUuid"], given_back["ts"], given_back["sig"], now=now)

    assert abs(now - signed_at) <= MILLISECOND


@pytest.mark.parametrize("now", [SIGNED_AT + timedelta(hours=24), SIGNED_AT - timedelta(seconds=300)])
def test_a_signature_lives_for_24_hours_and_a_clock_may_be_300_seconds_behind(now: datetime) -> None:
    assert verify(now=now) == SIGNED_AT


@pytest.mark.parametrize(
    "now", [SIGNED_AT + timedelta(hours=24) + MILLISECOND, SIGNED_AT - timedelta(seconds=300) - MILLISECOND]
)
def test_a_millisecond_more_is_refused(now: datetime) -> None:
    with pytest.raises(InvalidSignatureError):
        verify(now=now)


def test_while_a_secret_is_rotated_both_are_accepted() -> None:
    assert verify(secrets=("the-new-secret", SECRET)) == SIGNED_AT
    assert verify(
        signature=callback_signature.sign(VIDEO, TIMESTAMP, "the-new-secret"), secrets=("the-new-secret", SECRET)
    )


@pytest.mark.parametrize("secrets", [(), ("another-secret",), ("the-new-secret", "another-secret")])
def test_a_secret_that_is_not_accepted_any_more_is_refused(secrets: tuple[str, ...]) -> None:
    with pytest.raises(InvalidSignatureError):
        verify(secrets=secrets)


@pytest.mark.parametrize("timestamp", GARBAGE)
def test_a_timestamp_that_is_no_time_is_refused_even_when_we_signed_it(timestamp: str) -> None:
    with pytest.raises(InvalidSignatureError):
        verify(timestamp=timestamp, signature=callback_signature.sign(VIDEO, timestamp, SECRET))


@pytest.mark.parametrize("garbage", [*GARBAGE, *LONE_SURROGATES, SIGNATURE[:-1], SIGNATURE + "0", SIGNATURE.upper()])
@pytest.mark.parametrize("place", ["video", "timestamp", "signature"])
def test_garbage_is_refused_wherever_it_stands(place: str, garbage: str) -> None:
    parts = {"video": VIDEO, "timestamp": TIMESTAMP, "signature": SIGNATURE} | {place: garbage}

    with pytest.raises(InvalidSignatureError):
        verify(parts["video"], parts["timestamp"], parts["signature"])


_PARTS = st.tuples(
    st.one_of(st.just(VIDEO), st.text(st.sampled_from("vid_:0a9\x00é\ud800"))),
    st.one_of(st.just(TIMESTAMP), st.text(st.sampled_from("0123456789:-x \ud800"))),
    st.one_of(st.just(SIGNATURE), st.text(st.sampled_from("0123456789abcdefABCDEF:é\ud800"), max_size=70)),
)


@given(_PARTS)
def test_any_change_of_video_time_or_signature_is_refused(changed: tuple[str, str, str]) -> None:
    assume(changed != (VIDEO, TIMESTAMP, SIGNATURE))

    with pytest.raises(InvalidSignatureError):
        verify(*changed)


@given(position=st.integers(0, 63), digit=st.sampled_from("0123456789abcdef"))
def test_no_digit_of_a_signature_may_differ(position: int, digit: str) -> None:
    assume(SIGNATURE[position] != digit)

    with pytest.raises(InvalidSignatureError):
        verify(signature=SIGNATURE[:position] + digit + SIGNATURE[position + 1 :])


@given(st.integers(0, 10))
def test_a_colon_cannot_move_from_the_time_into_the_video(cut: int) -> None:
    """`a:1` at `2` and `a` at `1:2` sign the same text: the second must not pass for the first."""
    video, timestamp = f"{VIDEO}:{TIMESTAMP[:cut]}", TIMESTAMP
    signature = callback_signature.sign(video, timestamp, SECRET)

    with pytest.raises(InvalidSignatureError):
        verify(VIDEO, f"{TIMESTAMP[:cut]}:{timestamp}", signature)
