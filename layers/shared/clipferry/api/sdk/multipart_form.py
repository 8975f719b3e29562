"""Reads multipart/form-data (RFC 7578): text fields, named as the SDKs name nested ones, and files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from clipferry.errors import InvalidRequestError

MOST_PARTS: Final = 200
_BOUNDARY: Final = re.compile(r"""boundary=(?:"([^"\r\n]{1,70})"|([^\s;",]{1,70}))""", re.IGNORECASE)
_FIELD: Final = re.compile(r';\s*name=(?:"([^"]*)"|([^\s;"]+))', re.IGNORECASE)
_FILE: Final = re.compile(r";\s*filename\*?=", re.IGNORECASE)
_NAME: Final = re.compile(r"([^\[\]]{1,100})(?:\[([^\[\]]{0,100})\])?")


@dataclass(frozen=True, slots=True)
class Form:
    """`fields` has text, lists of it (`name[]`) and objects of it (`name[key]`); `files` the bytes of files by name."""

    fields: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


def read_form(body: bytes, content_type: str) -> Form:
    """Reads the form; raises InvalidRequestError for what is none. Where a field comes twice the last one counts."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise _malformed("Content-Type has no boundary")
    delimiter = b"\r\n--" + (found[1] or found[2]).encode("latin-1", "replace")
    preamble, *parts = (b"\r\n" + body).split(delimiter)
    if preamble.strip() or not parts or not parts[-1].startswith(b"--"):
        raise _malformed("its end is missing")
    if len(parts) > MOST_PARTS:
        raise _malformed(f"more than {MOST_PARTS} fields")
    form = Form()
    for part in parts[:-1]:
        _add(form, part)
    return form


def _add(form: Form, part: bytes) -> None:
    head, separator, content = part.partition(b"\r\n\r\n")
    if not separator or not head.startswith(b"\r\n"):
        raise _malformed("a field without headers")
    disposition = _header(head, "content-disposition")
    named = _FIELD.search(disposition)
    if named is None or not disposition.lower().startswith("form-data"):
        raise _malformed("a field without a name")
    name = named[1] or named[2] or ""
    if _FILE.search(disposition):
        form.files[name] = content
    else:
        _put(form.fields, name, _text(content))


def _put(fields: dict[str, Any], path: str, value: str) -> None:
    named = _NAME.fullmatch(path)
    if named is None:
        raise InvalidRequestError.for_field(path[:100], "unknown_field", "there is no such field")
    name, key = named[1], named[2]
    if key is None:
        fields[name] = value
        return
    whole = fields.setdefault(name, {} if key else [])
    if isinstance(whole, dict) and key:
        whole[key] = value
    elif isinstance(whole, list) and not key:
        whole.append(value)
    else:
        raise _malformed(f"{name} is sent in two ways")


def _header(head: bytes, name: str) -> str:
    for line in head.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.strip().lower() == name.encode():
            return _text(value.strip())
    return ""


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise _malformed("text that isn't UTF-8") from None


def _malformed(why: str) -> InvalidRequestError:
    return InvalidRequestError.for_field("body", "invalid_form", f"is no multipart form: {why}")
