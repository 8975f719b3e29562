"""A secret, a callback's signature and a prompt are found in whatever form somebody quotes them."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from urllib.parse import quote as percent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipferry.observability import redaction
from clipferry.observability.normal_form import plain_form
from clipferry.observability.redaction import HIDDEN, PROMPT, quote, redact, redact_body, redact_text

SIGNATURE = "0123456789abcdef" * 4
CALLBACK = f"https://api.example.com/callback/kie?videoUuid=vid_1&ts=1768435200000&sig={SIGNATURE}"
LONG = "A Red  Ferry & its\nshadow at dawn, 爱 in the fog"
SECRET = 'sk-pass"w/rd\\hunter2'
ENCODINGS = {
    "as it is": str,
    "in capitals": str.upper,
    "collapsed": lambda text: " ".join(text.split()),
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps(json.dumps({"a": text})),
    "JSON with escaped letters": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "HTML": html.escape,
    "HTML by number": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "HTML by hexadecimal number": lambda text: "".join(f"&#x{ord(char):x};" for char in text),
    "percent": lambda text: percent(text, safe=""),
    "percent twice": lambda text: percent(percent(text, safe=""), safe=""),
    "a form": lambda text: percent(text, safe="").replace("%20", "+"),
    "full width": lambda text: "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text),
    "percent in JSON in HTML": lambda text: html.escape(json.dumps(percent(text))),
}
EVERY_ENCODING = pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS.keys())


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    redaction.hide_prompt(None)
    redaction.clear_redactions()


def readable(text: str) -> str:
    plain = plain_form(text)
    assert plain is not None
    return plain.casefold()


@EVERY_ENCODING
def test_a_prompt_is_found_in_every_encoding(encode) -> None:
    redaction.hide_prompt(f"  {LONG} ")
    shown = redact_text(f"refused: {encode(LONG)}")
    assert PROMPT in shown
    assert "ferry" not in readable(shown)
    assert "refused" in shown


@EVERY_ENCODING
def test_a_secret_is_found_in_every_encoding(encode) -> None:
    redaction.add_redactions({SECRET})
    shown = redact_text(f"before {encode(SECRET)} after")
    assert "hunter2" not in readable(shown)
    assert HIDDEN in shown
    assert shown.startswith("before")
    assert shown.endswith("after")


@EVERY_ENCODING
@pytest.mark.parametrize("url", [CALLBACK, CALLBACK.partition("example.com")[2], CALLBACK.partition("?")[2], SIGNATURE])
def test_the_callbacks_signature_is_found_in_every_encoding_and_in_every_part_of_its_url(encode, url: str) -> None:
    for shown in (
        redact_text(f"no answer from {encode(url)} today"),
        redact_body(json.dumps({"param": encode(url)}).encode(), size=16_384),
        redact_body(encode(url).encode(), size=16_384),
        json.dumps(redact({"deep": [{"detail": encode(url)}]})),
    ):
        assert SIGNATURE not in readable(shown)
        assert SIGNATURE[:12] not in readable(shown)
        assert "hidden" in readable(shown)


@given(st.text(min_size=20), st.sampled_from(list(ENCODINGS.values())))
def test_any_long_prompt_is_found_in_every_encoding(prompt: str, encode) -> None:
    redaction.hide_prompt(prompt)
    try:
        normal = redaction.normal_form(prompt)
        shown = redact_text(f"no: {encode(prompt)}")
        if encode is not str.upper and len(normal) >= redaction.PROMPT_START and plain_form(prompt) is not None:
            assert normal[: redaction.PROMPT_START] not in redaction.normal_form(shown)
    finally:
        redaction.hide_prompt(None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON)
def test_a_value_stays_a_value_of_json_and_what_is_redacted_stays_so(value: object) -> None:
    redaction.add_redactions({SECRET})
    once = json.loads(json.dumps(redact(value)))
    assert redact(once) == once


def test_a_text_that_quotes_nothing_stays_as_it_was() -> None:
    redaction.add_redactions({SECRET})
    redaction.hide_prompt("a ferry at dawn in the fog")
    text = 'Traceback:\n  File "a.py", line 1\n  100% & more \\n “quoted” ①'
    assert redact_text(text) == text


def test_a_text_that_is_escaped_in_too_many_ways_is_hidden() -> None:
    text = "&"
    for _ in range(10):
        text = text.replace("&", "%26", 1).replace("%", "&#37;", 1)
    assert plain_form(text) is None
    assert redact_text(text) == HIDDEN


def test_the_hash_of_a_file_is_no_signature() -> None:
    assert redact_text(f"no film (17 bytes, sha256 {SIGNATURE})") == f"no film (17 bytes, sha256 {SIGNATURE})"


def test_a_name_that_comes_twice_in_json_hides_nothing() -> None:
    body = f'{{"url": "{CALLBACK}", "url": "fine"}}'
    assert SIGNATURE not in redact_body(body.encode(), size=16_384)


def test_a_prompt_that_a_body_names_is_redacted_before_anybody_knows_it() -> None:
    body = {"data": {"taskId": "t_1", "param": json.dumps({"input": {"prompt": "velvet", "negative_prompt": "fog"}})}}
    kept = json.loads(redact_body(json.dumps(body).encode(), size=16_384))
    assert json.loads(kept["data"]["param"])["input"] == {"prompt": PROMPT, "negative_prompt": PROMPT}
    assert kept["data"]["taskId"] == "t_1"


def test_a_word_that_is_a_formats_name_and_a_prompt_stays_a_name() -> None:
    redaction.hide_prompt("data")
    assert redact({"data": "no data today"}) == {"data": f"no {PROMPT} today"}


def test_what_a_provider_says_is_short_and_only_a_hash_where_it_quotes_the_prompt() -> None:
    redaction.hide_prompt(LONG)
    quoting = quote(f"not allowed: {LONG}")
    assert "that quote the prompt, SHA-256" in quoting
    assert "not allowed" not in quoting
    assert quote(f"not allowed: {LONG}") == quoting
    assert len(quote("x " * 5000)) == redaction.LONGEST_QUOTE + 1
    assert quote("not allowed") == "not allowed"


def test_deeply_nested_json_is_hidden_where_it_is_too_deep_to_be_searched() -> None:
    deep = "[" * 200 + f'"{CALLBACK}"' + "]" * 200
    assert SIGNATURE not in redact_body(deep.encode(), size=16_384)


@pytest.mark.parametrize(
    "unit", ["/", "\\", "%25", "&amp;", '"key', "sig=", "?a=b", "\\u003d", "&#38;", '{"a":', "key\\", "爱/?"]
)
def test_no_text_of_a_stranger_makes_the_search_quadratic(unit: str) -> None:
    """A hundred thousand characters: a search whose time grows with the square would not come to an end here."""
    redaction.add_redactions({SECRET})
    redaction.hide_prompt(LONG)
    body = unit * (100_000 // len(unit)) + " " + SECRET
    assert SECRET not in redact_body(body.encode(), size=200_000)
