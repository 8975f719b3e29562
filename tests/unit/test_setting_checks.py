"""Settings that can't work are told before the local stack starts, each in a sentence."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from clipferry import catalog
from local.setting_checks import problems

NOWHERE = "http://127.0.0.1:9"
KEY = {"EVOLINK_API_KEY": "k"}
NOTHING_ANSWERS = "nothing answers at 127.0.0.1:9"


@pytest.fixture(scope="module")
def somewhere() -> Iterator[str]:
    """An address where something listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"MODELS_FILE": "typo.toml"}, ["MODELS_FILE: there is no file typo.toml."]),
        ({"DATABASE_URL": "mysql://localhost/films"}, ["DATABASE_URL: this isn't PostgreSQL's"]),
        ({"DATABASE_URL": "postgresql://ann:hunter2@127.0.0.1:1/films"}, ["DATABASE_URL: 127.0.0.1 can't be reached"]),
        ({"DATABASE_URL": "postgresql://db.invalid/films"}, ["DATABASE_URL: db.invalid can't be reached"]),
        (
            {"DATABASE_URL": "postgresql://127.0.0.1:1/films", "RESET": "1"},
            ["RESET: your own", "DATABASE_URL: 127.0.0.1"],
        ),
        ({**KEY, "EVOLINK_BASE_URL": "https://evolink.invalid"}, ["EVOLINK_BASE_URL: the name evolink.invalid"]),
        ({**KEY, "EVOLINK_BASE_URL": NOWHERE}, [f"EVOLINK_BASE_URL: {NOTHING_ANSWERS}"]),
        ({"AWS_ENDPOINT_URL_SQS": "http://sqs.invalid"}, ["AWS_ENDPOINT_URL_SQS: the name sqs.invalid"]),
        ({"AWS_ENDPOINT_URL_SQS": NOWHERE}, [f"AWS_ENDPOINT_URL_SQS: {NOTHING_ANSWERS}"]),
        ({"VIDEO_MAX_CONCURRENT": "none", "RATE_LIMIT_PER_MINUTE": "x"}, ["RATE_LIMIT_PER_MINUTE", "VIDEO_MAX_"]),
        ({"REPLICATE_WEBHOOK_SECRET": "whsec_typo"}, ["REPLICATE_WEBHOOK_SECRET: must be whsec_ and the Base64"]),
        ({"STORAGE_DOMAIN": "films"}, ["STORAGE_DOMAIN: must be https:// or http:// and a host."]),
        ({"QUEUE_VISIBILITY_SECONDS": "soon"}, ["QUEUE_VISIBILITY_SECONDS: must be whole seconds."]),
        (
            {"DEFAULT_AI_PROVIDER": "evolnk"},
            ["DEFAULT_AI_PROVIDER: evolnk is none of evolink, kie, replicate, fal, litellm"],
        ),
        ({"DEFAULT_AI_PROVIDER": "litellm", "VIDEO_GATEWAYS": "{}"}, ["DEFAULT_AI_PROVIDER: litellm is none of"]),
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


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        (("EVOLINK_BASE_URL",), "EVOLINK_BASE_URL: your own provider needs EVOLINK_API_KEY, too."),
        (("KIE_BASE_URL",), "KIE_BASE_URL: your own provider needs KIE_API_KEY, too."),
        (
            ("STORAGE_ENDPOINT", "STORAGE_BUCKET"),
            "STORAGE_ENDPOINT: your own bucket needs STORAGE_ACCESS_KEY, STORAGE_SECRET_KEY, too.",
        ),
    ],
)
def test_a_service_of_your_own_needs_its_keys(somewhere: str, own: tuple[str, ...], sentence: str) -> None:
    assert problems(dict.fromkeys(own, somewhere)) == [sentence]


def test_an_offer_of_a_misspelled_provider_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    shipped = catalog.SHIPPED.read_text()
    file.write_text(shipped.replace('provider = "kie"', 'provider = "kei"', 1))

    [sentence] = problems({"MODELS_FILE": str(file)})

    assert sentence.startswith("MODELS_FILE: seedance-")
    assert " has an offer of kei: no provider has this name" in sentence


def test_a_catalogue_that_is_broken_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[[model]]\nid = "a"\n')

    assert [sentence.partition(":")[0] for sentence in problems({"MODELS_FILE": str(file)})] == ["MODELS_FILE"]


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"DATABASE_URL": "", "PATH": "/bin"},
        {"DEFAULT_AI_PROVIDER": "fal"},
        {"DEFAULT_AI_PROVIDER": "newapi"},
        {
            "DEFAULT_AI_PROVIDER": "mine",
            "VIDEO_GATEWAYS": '{"mine": {"base_url": "https://x.example/v1", "api_key": "k", "file_needs_key": true}}',
        },
    ],
)
def test_what_can_work_has_no_problem(own: Mapping[str, str]) -> None:
    assert problems(own) == []


def test_a_service_that_answers_has_no_problem(somewhere: str) -> None:
    assert problems({**KEY, "EVOLINK_BASE_URL": somewhere, "AWS_ENDPOINT_URL_SQS": somewhere}) == []
