"""A size in pixels names a ratio and a quality of the catalogue, or is refused with the sizes that there are."""

from __future__ import annotations

import pytest

from clipferry import catalog
from clipferry.api.sdk.sizes import ratio_and_quality, size_of, sizes
from clipferry.catalog import Model
from tests.unit.field_faults import fields_of

MODELS = catalog.load()
OFFERED = [model for model in MODELS.models.values() if not model.retired]


@pytest.mark.parametrize("model", OFFERED, ids=lambda model: model.id)
def test_every_size_of_a_model_leads_back_to_its_ratio_and_quality(model: Model) -> None:
    for limits in model.modes.values():
        for quality in limits.qualities:
            for ratio in limits.aspect_ratios:
                size = size_of(ratio, quality)
                assert (size is None) == (ratio == "adaptive")
                if size is not None:
                    assert size in sizes(model)
                    assert ratio_and_quality(size, model) == (ratio, quality)


@pytest.mark.parametrize(
    ("size", "found"),
    [
        ("1280x720", ("16:9", "720p")),
        ("720x1280", ("9:16", "720p")),
        ("1792x1024", ("16:9", "1080p")),  # OpenAI's four sizes
        ("1024x1792", ("9:16", "1080p")),
        ("3840x2160", ("16:9", "4k")),
        ("848x480", ("16:9", "480p")),
        ("960x960", ("1:1", "720p")),
    ],
)
def test_a_size_that_is_near_is_taken(size: str, found: tuple[str, str]) -> None:
    assert ratio_and_quality(size, MODELS.get("seedance-2.0")) == found


@pytest.mark.parametrize("size", ["1080x1080", "1280x800", "320x180", "99999x10", "7680x4320"])
def test_a_size_that_the_model_does_not_make_is_refused(size: str) -> None:
    [fault] = fields_of(lambda: ratio_and_quality(size, MODELS.get("seedance-2.0")))
    assert (fault["path"], fault["code"]) == ("size", "not_offered")
    assert "1280x720" in fault["message"]


def test_a_model_without_qualities_takes_the_size_for_its_ratio() -> None:
    assert ratio_and_quality("1280x720", MODELS.get("kling-2.6")) == ("16:9", None)
    assert ratio_and_quality("1080x1080", MODELS.get("kling-2.6")) == ("1:1", None)


@pytest.mark.parametrize(("ratio", "quality"), [(None, "720p"), ("16:9", None), ("adaptive", "720p"), ("16:9", "high")])
def test_what_says_no_size_has_none(ratio: str | None, quality: str | None) -> None:
    assert size_of(ratio, quality) is None
