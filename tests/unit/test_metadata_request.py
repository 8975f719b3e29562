"""Which metadata a request for a video may have."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.video_requests import faults, read


@pytest.mark.parametrize(
    "metadata", [None, {}, {"order": "42"}, {"k" * 40: "v" * 500}, {str(n): "v" for n in range(16)}]
)
def test_up_to_sixteen_short_texts_by_name_are_taken(metadata: dict[str, str] | None) -> None:
    assert read(metadata=metadata).metadata == (metadata or {})


@pytest.mark.parametrize(
    "metadata",
    [
        [],
        "order",
        {"order": 42},
        {"order": None},
        {"order": ""},
        {"order": "a\0b"},
        {"order": "v" * 501},
        {"k" * 41: "v"},
        {"": "v"},
        {"a[b]": "v"},
        {"a\0": "v"},
        {str(n): "v" for n in range(17)},
    ],
)
def test_anything_else_is_refused(metadata: Any) -> None:
    assert {path.partition(".")[0] for path, _ in faults(metadata=metadata)} == {"metadata"}


def test_a_request_with_other_metadata_is_another_request() -> None:
    assert len({read().sha256, read(metadata={"a": "1"}).sha256, read(metadata={"a": "2"}).sha256}) == 3
    assert read(metadata={}).sha256 == read().sha256
