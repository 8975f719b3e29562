"""Settings that can't work are told before the local stack starts, each in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from local.setting_checks import problems

ANYWHERE = {"EVOLINK_BASE_URL": "http://127.0.0.1:9", "EVOLINK_API_KEY": "k"}


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"MODELS_FILE": "typo.toml"}, ["MODELS_FILE: there is no file typo.toml."]),
        ({"DATABASE_URL": "mysql://localhost/films"}, ["DATABASE_URL: this isn't PostgreSQL's"]),
        ({"DATABASE_URL": "postgresql://ann:hunter2@127.0.0.1:1/films"}, ["DATABASE_URL: 127.0.0.1 can't be reached"]),
        ({"DATABASE_URL": "postgresql://db.invalid/films"}, ["DATABASE_URL: db.invalid can't be reached"]),
        ({**ANYWHERE, "EVOLINK_BASE_URL": "https://evolink.invalid"}, ["EVOLINK_BASE_URL: the name evolink.invalid"]),
        ({"AWS_ENDPOINT_URL_SQS": "http://sqs.invalid"}, ["AWS_ENDPOINT_URL_SQS: the name sqs.invalid"]),
        ({"EVOLINK_BASE_URL": "http://127.0.0.1:9"}, ["EVOLINK_BASE_URL: your own provider needs EVOLINK_API_KEY"]),
        ({"KIE_BASE_URL": "http://127.0.0.1:9"}, ["KIE_BASE_URL: your own provider needs KIE_API_KEY"]),
        (
            {"STORAGE_ENDPOINT": "http://127.0.0.1:9", "STORAGE_BUCKET": "films"},
            ["STORAGE_ENDPOINT: your own bucket needs STORAGE_ACCESS_KEY, STORAGE_SECRET_KEY, too."],
        ),
        ({"VIDEO_MAX_CONCURRENT": "none", "RATE_LIMIT_PER_MINUTE": "x"}, ["RATE_LIMIT_PER_MINUTE", "VIDEO_MAX_"]),
    ],
)
def test_each_problem_is_one_sentence(own: Mapping[str, str], words: list[str]) -> None:
    found = problems(own)

    assert len(found) == len(words)
    for sentence, beginning in zip(found, words, strict=True):
        assert sentence.startswith(beginning)
        assert sentence.endswith(".")
        assert "\n" not in sentence
        assert "hunter2" not in sentence


def test_a_catalogue_that_is_broken_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[[model]]\nid = "a"\n')

    assert [sentence.partition(":")[0] for sentence in problems({"MODELS_FILE": str(file)})] == ["MODELS_FILE"]


@pytest.mark.parametrize("own", [{}, ANYWHERE, {"DATABASE_URL": "", "PATH": "/bin"}])
def test_what_can_work_has_no_problem(own: Mapping[str, str]) -> None:
    assert problems(own) == []
