"""The contract as a document: valid, complete, true to the template, its examples true to its schemas, and fresh."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis

from cli.openapi import examples
from cli.openapi.__main__ import stale
from cli.openapi.document import ROOT, build, files
from clipferry import catalog, errors
from clipferry.api import generate_request, request_bodies
from clipferry.api.sdk import create_body
from clipferry.errors import ClipferryError
from clipferry.models import Mode
from local.sam_template.read import read_template

DOCUMENT = build()
INTERNAL = {
    "INTERNAL_ERROR",
    "CONFIGURATION_ERROR",  # both are faults of ours that nobody can prepare for
    "SECRETS_UNAVAILABLE",  # the same, for a moment
    "METHOD_NOT_ALLOWED",  # belongs to no operation
    "NETWORK_ERROR",  # is translated by whoever made the request
    "QUEUE_UNAVAILABLE",  # is made good by reconcile
    "NOT_A_VIDEO",  # is the `errorCode` of a video, never an answer's
    "SOURCE_GONE",
    "SOURCE_INVALID",  # what `retry` says is that the original has expired
}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def content() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every JSON that goes in or comes out, with what it is of."""
    for _, _, operation in operations():
        parts = {**operation["responses"], "body": operation.get("requestBody", {"content": {}})}
        for name, part in parts.items():
            if "application/json" in part.get("content", {}):
                yield f"{operation['operationId']} {name}", part["content"]["application/json"]


def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        {**schema, "components": DOCUMENT["components"]}, validate_formats=True, pattern_options=None
    )


def tree(top: type[ClipferryError] = ClipferryError) -> Iterator[type[ClipferryError]]:
    yield top
    for child in top.__subclasses__():
        yield from tree(child)


def test_the_written_documents_are_fresh() -> None:
    for path, text in files().items():
        assert path.read_text() == text, f"{path.relative_to(ROOT)} is stale: make openapi"


def test_the_check_passes_on_fresh_documents() -> None:
    checked = subprocess.run([sys.executable, "-m", "cli.openapi", "--check"], cwd=ROOT, check=False)

    assert checked.returncode == 0


def test_a_document_is_stale_that_is_another_or_is_not_there(tmp_path: Path) -> None:
    fresh, old, gone = (tmp_path / name for name in ("fresh", "old", "gone"))
    fresh.write_text("new")
    old.write_text("old")

    assert stale({fresh: "new", old: "new", gone: "new"}) == [old, gone]


def test_it_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_it_has_the_templates_routes_and_no_others() -> None:
    written = {f"{method} {path}" for method, path, _ in operations()}

    assert written == {route.key for route in read_template().routes if route.method != "HEAD"} - {"$default"}


@pytest.mark.parametrize(("what", "part"), list(content()), ids=[what for what, _ in content()])
def test_every_example_is_what_its_schema_says(what: str, part: dict[str, Any]) -> None:
    shown = [example["value"] for example in part.get("examples", {}).values()]
    shown += [part["example"]] if "example" in part else []

    checked = validator(part["schema"])
    for example in shown:
        assert [str(error) for error in checked.iter_errors(example)] == []
    assert shown or what in ("getOpenApi 200", "receiveCallback body")


def test_every_parameters_example_is_what_its_schema_says() -> None:
    for _, _, operation in operations():
        for parameter in operation.get("parameters", []):
            checked = validator(parameter["schema"])
            for name in ("example", "default"):
                if name in parameter:
                    assert checked.is_valid(parameter[name])
            assert parameter["in"] != "path" or "example" in parameter


def test_every_body_is_one_that_the_code_takes() -> None:
    for name, body in examples.REQUESTS.items():
        known = {**vars(request_bodies), **vars(generate_request), **vars(create_body)}
        taken = known[name].model_validate_json(json.dumps(body)).model_dump(exclude_unset=True)
        assert taken == body | ({"seconds": int(body["seconds"])} if "seconds" in body else {})


def test_every_model_on_offer_can_be_asked_for_and_no_other() -> None:
    offered = validator({"$ref": "#/components/schemas/GenerateVideo"})

    for model in catalog.load().models.values():
        limits = model.modes.get(Mode.TEXT)
        text = {"prompt": "A ferry", "model": model.id, "outputNumber": 1}
        assert offered.is_valid(text) is (limits is not None and not model.retired)
        for duration in limits.durations if limits else ():
            assert offered.is_valid({**text, "duration": duration}) is not model.retired
        image = {"prompt": "A ferry", "model": model.id, "imageUrl": "https://example.com/a.png"}
        assert offered.is_valid(image) is (Mode.FIRST_FRAME in model.modes and not model.retired)
        for wrong in (
            {"duration": 3600},
            {"quality": "8k"},
            {"outputNumber": 2},
            {"unknown": 1},
            {"prompt": " \u200b"},
        ):
            assert not offered.is_valid({**text, **wrong})
    assert not offered.is_valid({"prompt": "A ferry", "model": "sora-3"})


def test_every_operation_has_a_name_of_its_own_and_one_way_to_succeed() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]

    assert len(set(names)) == len(names)
    for _, _, operation in operations():
        assert operation["summary"]
        assert sum(status[0] in "23" for status in operation["responses"]) == 1


def test_who_has_to_sign_in_is_told_so() -> None:
    for _, _, operation in operations():
        private = operation["security"] == [{"bearer": []}, {"session": []}]
        assert private or operation["security"] == []
        assert ("401" in operation["responses"]) == (private or operation["operationId"] == "receiveCallback")
        assert ("403" in operation["responses"]) == (private and operation["operationId"] != "getMe")


def test_every_error_that_a_caller_may_meet_is_written_down_and_explained() -> None:
    written = {
        code for _, part in content() for code in part.get("examples", {}) if "error" in part["examples"][code]["value"]
    }

    assert written == {error.code for error in tree() if error.__module__.startswith(f"{errors.__name__}.")} - INTERNAL
    for _, _, operation in operations():
        for status, answer in operation["responses"].items():
            for code, example in answer.get("content", {}).get("application/json", {}).get("examples", {}).items():
                assert code in answer["description"]
                assert example["value"]["error"]["message"].partition(":")[0] in answer["description"]
                assert status[0] in "45"


def test_who_should_wait_is_told_how_long() -> None:
    waiting = {error.code for error in tree() if error.retry_after_seconds}

    for _, _, operation in operations():
        for answer in operation["responses"].values():
            codes = set(answer.get("content", {}).get("application/json", {}).get("examples", {}))
            assert ("Retry-After" in answer.get("headers", {})) == bool(codes & waiting)


def test_links_lead_to_operations_that_exist() -> None:
    names = {operation["operationId"] for _, _, operation in operations()}
    links = DOCUMENT["paths"]["/api/v1/video/generate"]["post"]["responses"]["202"]["links"]

    assert {link["operationId"] for link in links.values()} <= names
