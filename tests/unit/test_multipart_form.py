"""Forms are read as SDKs and browsers write them; what is none is refused, whatever its bytes are."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipferry.api.sdk.multipart_form import MOST_PARTS, Form, read_form
from clipferry.errors import InvalidRequestError

TYPE = "multipart/form-data; boundary=line"


def part(name: str, content: bytes, more: str = "") -> bytes:
    return f'--line\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--line--\r\n"


def test_fields_lists_objects_and_files_are_told_apart() -> None:
    picture = b"\x89PNG\r\n\x1a\n\r\n--lin\r\n\r\n\x00\xff"
    read = read_form(
        form(
            part("prompt", "Eine Fähre\r\nam Morgen".encode()),
            part("imageUrls[]", b"https://a.example/1.png"),
            part("imageUrls[]", b"https://a.example/2.png"),
            part("metadata[order]", b"42"),
            part("input_reference", picture, '; filename="a.png"\r\nContent-Type: image/png'),
        ),
        TYPE,
    )

    assert read.fields == {
        "prompt": "Eine Fähre\r\nam Morgen",
        "imageUrls": ["https://a.example/1.png", "https://a.example/2.png"],
        "metadata": {"order": "42"},
    }
    assert read.files == {"input_reference": picture}


@pytest.mark.parametrize("content_type", [TYPE, 'multipart/form-data; charset=utf-8; Boundary="line"'])
@pytest.mark.parametrize("disposition", ['form-data; name="a"', "form-data;name=a", 'FORM-DATA; x=1; name="a"'])
def test_headers_may_be_written_in_every_way(content_type: str, disposition: str) -> None:
    body = f"--line\r\ncontent-type: text/plain\r\nCONTENT-DISPOSITION: {disposition}\r\n\r\n1\r\n--line--".encode()

    assert read_form(body, content_type) == Form({"a": "1"}, {})


@pytest.mark.parametrize("more", ['; filename=""', "; filename*=UTF-8''%C3%BC.png", "; filename=a.png"])
def test_a_file_is_one_by_its_file_name(more: str) -> None:
    assert read_form(form(part("a", b"1", more)), TYPE).files == {"a": b"1"}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", TYPE),
        (b"{}", TYPE),
        (form(), "multipart/form-data"),
        (form(), "multipart/form-data; boundary="),
        (part("a", b"1"), TYPE),
        (part("a", b"1") + b"--line", TYPE),
        (b"before" + form(part("a", b"1")), TYPE),
        (b"--line\r\nno headers\r\n--line--", TYPE),
        (b"--line\r\nContent-Disposition: form-data\r\n\r\n1\r\n--line--", TYPE),
        (b"--line\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--line--", TYPE),
        (form(part("a", b"\xff")), TYPE),
        (form(part("a", b"1"), part("a[]", b"1")), TYPE),
        (form(part("a[x]", b"1"), part("a[]", b"1")), TYPE),
        (form(part("a[x][y]", b"1")), TYPE),
        (form(part("", b"1")), TYPE),
        (form(*[part("a", b"1")] * MOST_PARTS), TYPE),
    ],
)
def test_what_is_no_form_is_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(InvalidRequestError):
        read_form(body, content_type)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([b"--line", b"--", b"\r\n", b"\r\n\r\n", b'form-data; name="a"', b"[", b"]", b"\xff",
                                 b"Content-Disposition: ", b"; filename=", b"a", b"\0"]), max_size=30))  # fmt: skip
def test_no_bytes_do_worse(pieces: list[bytes]) -> None:
    with suppress(InvalidRequestError):
        read_form(b"".join(pieces), TYPE)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.from_regex("[a-z]{1,8}", fullmatch=True), st.binary(max_size=200), max_size=5))
def test_files_come_out_as_they_went_in(files: dict[str, bytes]) -> None:
    boundary = "x" * 60
    sent = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="f"\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for name, content in files.items()
    ]
    body = b"".join(sent) + f"--{boundary}--\r\n".encode()

    assert read_form(body, f"multipart/form-data; boundary={boundary}").files == files
