"""Removes secrets, signatures and prompts from values before they are written: to the log, to events, to the inbox.

A text is searched as it is, and then in its plain form (`normal_form`). One that only gives itself away there is shown
in that form, because nothing tells which of its characters stand for what was found.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from clipferry.observability.normal_form import normal_form, plain_form, spaced

HIDDEN: Final = "[hidden]"
PROMPT: Final = "[prompt]"
SHORTEST_REDACTION: Final = 8
"""Characters. Only a developer's machine has shorter secrets, and they would be redacted within ordinary words."""
PROMPT_START: Final = 16
"""Characters by which a prompt is recognised: whoever quotes one often cuts it short."""
LONGEST_QUOTE: Final = 300
"""Characters that are kept of what a provider says about an error."""
DEEPEST: Final = 50
"""Levels of nested JSON that are searched; what is deeper is hidden."""

_NAMES: Final = r"(?:sig|signature|token|key|secret|credential|password)"
_WORDS: Final = ("sig", "token", "key", "secret", "credential", "password", "prompt")
"""What each of these names has in it, and a prompt's name: found much sooner than by a pattern."""
_SECRET_NAME: Final = re.compile(rf"{_NAMES}$", re.IGNORECASE)
_PROMPT_NAME: Final = re.compile(r"prompt$", re.IGNORECASE)
_ADDRESS: Final = r"(?:[^\s\"'<>\\]|\\+(?:u[0-9a-f]{4}|/))"
_STRING: Final = r'(?:[^"\\]|\\.)*'
_ASSIGNED: Final = re.compile(rf"{_NAMES}\s?(?:=|%(?:25)*3d|\\+u003d){_ADDRESS}*", re.IGNORECASE)
_IN_JSON: Final = re.compile(rf'("[\w-]*{_NAMES}\\*"\s?:\s?\\*"){_STRING}', re.IGNORECASE)
_PROMPT_IN_JSON: Final = re.compile(rf'("[\w-]*prompt\\*"\s?:\s?\\*"){_STRING}', re.IGNORECASE)
_QUERY: Final = re.compile(rf"(?<=[^\s?#\"'<>\\])\?({_ADDRESS}+)", re.IGNORECASE)
"""A URL's or a path's query may hold a signature, a token, or whatever else lets one fetch a file."""
_LONGEST_PATH: Final = 1000
_OUR_VIDEO: Final = re.compile(r"(?:^|&)(videoUuid=[\w-]*)", re.IGNORECASE)
_DIGEST: Final = re.compile(r"(?<!sha256 )[0-9a-f]{64}", re.IGNORECASE)
"""What our own signature looks like; the hash of a file, which is no secret, is called one."""
_DIGEST_RUN: Final = b"0" * 64
_DIGITS_TO_ZERO: Final = bytes.maketrans(b"123456789abcdef", b"0" * 15)


class _Prompt(NamedTuple):
    start: str
    """In normal form."""
    whole_word: re.Pattern[str] | None
    """For a prompt so short that it may be any word: it is only hidden where it is a word of its own."""


_secrets: dict[str, str] = {}
"""Each secret as it is, by its normal form."""
_thread = threading.local()


def add_redactions(texts: Collection[str]) -> None:
    """Hides these secrets from now on."""
    _secrets.update({normal_form(text): text for text in texts if len(text) >= SHORTEST_REDACTION})


def clear_redactions() -> None:
    """Forgets every secret, so that none stays in memory after the settings are closed."""
    _secrets.clear()


def hide_prompt(prompt: str | None) -> None:
    """Hides this prompt from now on in what this thread writes, and no other one."""
    normal = normal_form(prompt) if prompt else ""
    word = _whole_word(normal) if 0 < len(normal) < PROMPT_START else None
    _thread.prompt = _Prompt(normal[:PROMPT_START], word) if normal else None


def is_clean(plain: str, *, has_names: bool = True) -> bool:
    """Whether `plain`, a text in plain form, holds nothing to redact. It is quick, for the many that don't.

    `has_names` says whether it may hold strangers' names of fields; then any that a secret may have is suspicious.
    """
    folded = spaced(plain).casefold()
    for secret in tuple(_secrets):  # another thread may add to it
        if secret in folded:
            return False
    prompt: _Prompt | None = getattr(_thread, "prompt", None)
    if prompt and prompt.start in folded and (not prompt.whole_word or prompt.whole_word.search(folded)):
        return False
    if (has_names or "=" in plain) and any(word in folded for word in _WORDS):
        return False
    if _DIGEST_RUN in folded.encode("utf-8", "replace").translate(_DIGITS_TO_ZERO):
        return False
    return not ("?" in plain and _QUERY.search(plain))


def is_clean_line(line: str) -> bool:
    """Whether a line of JSON, all of whose fields have names of ours, holds nothing to redact."""
    plain = plain_form(line)
    has_names = len(plain or "") != len(line) or line.find("{", 1) > 0  # JSON in a string, or an object in an object
    return plain is not None and is_clean(plain, has_names=has_names)


def redact_text(text: str) -> str:
    """Returns `text` without secrets, signatures and the thread's prompt."""
    plain = plain_form(text)
    if plain == text and is_clean(text):
        return text
    shown = _covered(text)
    plain = plain_form(shown)
    if plain is None:
        return HIDDEN
    for form in (str, spaced):
        view = form(plain)
        covered = view if is_clean(view) else _covered(view)
        if covered != view:
            shown = plain = covered
    return shown


def redact(value: Any, *, depth: int = 0) -> Any:
    """Returns a JSON value without them: each text by `redact_text`, and what a secret's or a prompt's name holds."""
    if depth > DEEPEST:
        return HIDDEN
    if isinstance(value, str):
        return _redact_json_text(value, depth) if value.lstrip()[:1] in ("{", "[") else redact_text(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return {_redact_name(str(name)): _redact_named(str(name), item, depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item, depth=depth + 1) for item in value]
    return redact_text(str(value))


def redact_fields(fields: Mapping[str, Any], *, own: Collection[str] = ()) -> dict[str, Any]:
    """Redacts the values of fields whose names are ours, but for those in `own`, which we have made ourselves."""
    return {name: value if name in own else redact(value) for name, value in fields.items()}


def redact_body(body: bytes, *, size: int) -> str:
    """Returns the beginning of a body, `size` bytes at most, as text that Postgres takes; JSON stays JSON."""
    text = redact(body[:size].decode("utf-8", "replace"))
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def quote(text: str) -> str:
    """Returns what a provider said about an error: short, and only its hash where it quotes the prompt."""
    shown = redact_text(text)
    if shown.count(PROMPT) > text.count(PROMPT):
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
        return f"{len(text)} characters that quote the prompt, SHA-256 {digest}…"
    return shown if len(shown) <= LONGEST_QUOTE else shown[:LONGEST_QUOTE] + "…"


def _redact_json_text(text: str, depth: int) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return redact_text(text)
    redacted, plain = redact(value, depth=depth + 1), plain_form(text)
    # The text is looked at, too: of a name that comes twice only the last value is in `value`.
    if redacted == value and plain is not None and is_clean(plain):
        return text
    return json.dumps(redacted, ensure_ascii=False, separators=(",", ":"))


def _redact_name(name: str) -> str:
    """A plain word is a field's name in some format, though somebody's prompt may be the same word."""
    return name if name.isidentifier() and len(name) < PROMPT_START * 2 else redact_text(name)


def _redact_named(name: str, value: Any, depth: int) -> Any:
    if isinstance(value, str) and _SECRET_NAME.search(name):
        return HIDDEN
    if isinstance(value, str) and _PROMPT_NAME.search(name):
        return PROMPT
    return redact(value, depth=depth)


def _covered(text: str) -> str:
    """The text with what is found in it as it is written."""
    for normal, secret in tuple(_secrets.items()):
        text = _replace(text.replace(secret, HIDDEN), normal, HIDDEN)
    prompt: _Prompt | None = getattr(_thread, "prompt", None)
    if prompt:
        text = _without_prompt(text, prompt)
    text = _QUERY.sub(_without_query, text)
    text = _IN_JSON.sub(rf"\1{HIDDEN}", _ASSIGNED.sub(HIDDEN, text))
    return _DIGEST.sub(HIDDEN, _PROMPT_IN_JSON.sub(rf"\1{PROMPT}", text))


def _without_prompt(text: str, prompt: _Prompt) -> str:
    """A long prompt is removed from its start to the end of the text, because nobody knows how it goes on there."""
    text = _comparable(text, prompt.start)
    if prompt.whole_word:
        return prompt.whole_word.sub(PROMPT, text)
    begin = text.casefold().find(prompt.start)
    return text if begin < 0 else text[:begin] + PROMPT


def _replace(text: str, normal: str, mark: str) -> str:
    if len(normal) < SHORTEST_REDACTION or normal not in text.casefold():
        return text
    return re.sub(re.escape(normal), mark, _comparable(text, normal), flags=re.IGNORECASE)


def _comparable(text: str, normal: str) -> str:
    """The text, or its folded form where that holds `normal` and has another length: ß is ss there."""
    folded = text.casefold()
    return folded if len(folded) != len(text) and normal in folded else text


def _without_query(found: re.Match[str]) -> str:
    """Keeps the video's id of our own callback URL: a stored callback that is replayed has to name its video."""
    before, query = found.string[max(0, found.start() - _LONGEST_PATH) : found.start()], found[1]
    if "=" not in query and "%" not in query and "://" not in before.split()[-1]:
        return found[0]
    video = _OUR_VIDEO.search(query)
    return f"?{video[1]}&{HIDDEN}" if video else f"?{HIDDEN}"


def _whole_word(text: str) -> re.Pattern[str]:
    """Finds `text` where it isn't part of a longer word. Chinese has no spaces, so each of its characters is a word."""
    before, after = (r"\b" if re.match(r"\w", edge, re.ASCII) else "" for edge in (text[0], text[-1]))
    return re.compile(before + re.escape(text) + after, re.ASCII | re.IGNORECASE)
