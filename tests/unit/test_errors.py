"""The error tree is what callers read and clients switch on: every class of it is complete, and drawn as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from clipferry import errors
from clipferry.errors import (
    ClipferryError,
    InsufficientCreditsError,
    InvalidRequestError,
    ProviderRefusedError,
    ReplayedError,
    UnknownModelError,
)


def tree(top: type[ClipferryError] = ClipferryError) -> Iterator[type[ClipferryError]]:
    yield top
    for child in top.__subclasses__():
        yield from tree(child)


CLASSES = [error for error in tree() if error.__module__.startswith(f"{errors.__name__}.")]

# What a client does doesn't depend on which of these it is; what we do next, does.
SAME_CODE_AS_PARENT = {
    "ReplayedError",
    "RequestNotSentError",
    "NoAnswerError",
    "ProviderRefusedError",
    "ProviderUnreachableError",
    "ProviderSilentError",
    "TaskNotFoundError",
    "WrongFileKindError",
}
_LINE = re.compile(r"^(?P<indent>[│ ]*)(?:[├└]── )?(?P<name>\w+Error) +(?P<status>\d{3}|as it was)(?: {3}.*)?$")


def drawn() -> Iterator[tuple[str, str, str]]:
    """Each line of the drawing: name, parent's name (the root's is empty), status."""
    assert errors.__doc__ is not None
    path: list[str] = []
    for line in errors.__doc__.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        depth = len(found["indent"]) // 4 + (found["name"] != "ClipferryError")
        path[depth:] = [found["name"]]
        yield found["name"], path[depth - 1] if depth else "", found["status"]


def answer(error: type[ClipferryError]) -> ClipferryError:
    if error is ProviderRefusedError:
        return ProviderRefusedError("the provider's words", failure="INVALID_INPUT")
    if error is ReplayedError:
        return ReplayedError({"status": 402, "error": {"code": "INSUFFICIENT_CREDITS", "message": "As it was."}})
    return error("the provider's words")


def test_the_drawing_shows_every_class_below_its_parent() -> None:
    assert sorted((name, parent) for name, parent, _ in drawn()) == sorted(
        (error.__name__, "" if error is ClipferryError else error.__mro__[1].__name__) for error in CLASSES
    )


def test_every_class_is_imported_from_the_package() -> None:
    exported = {name for name, value in vars(errors).items() if hasattr(value, "code")}

    assert exported == {error.__name__ for error in CLASSES}


def test_the_drawing_shows_the_right_status() -> None:
    shown = {name: status for name, _, status in drawn()}

    assert shown.pop("ReplayedError") == "as it was"
    assert shown == {error.__name__: str(error.status) for error in CLASSES if error is not ReplayedError}


@pytest.mark.parametrize("error", CLASSES)
def test_a_class_is_named_as_an_error_and_speaks_in_one_sentence_or_more(error: type[ClipferryError]) -> None:
    sentence = (error.__doc__ or "").strip().split("\n\n")[0]

    assert error.__name__.endswith("Error")
    assert error.__dict__.get("__doc__"), "a docstring of its own"
    assert re.fullmatch(r"[A-Z][^\n]*\.", sentence)


@pytest.mark.parametrize("error", CLASSES)
def test_a_code_is_in_capitals_and_its_status_is_an_errors(error: type[ClipferryError]) -> None:
    assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", error.code)
    assert 400 <= error.status <= 599
    assert error.retry_after_seconds is None or (error.retryable and error.retry_after_seconds > 0)


def test_a_code_belongs_to_one_class_unless_it_is_its_parents_on_purpose() -> None:
    own = [error.code for error in CLASSES if error.__name__ not in SAME_CODE_AS_PARENT]

    assert len(own) == len(set(own))
    assert {e.__name__ for e in CLASSES if e is not ClipferryError and "code" not in e.__dict__} == SAME_CODE_AS_PARENT


@pytest.mark.parametrize("error", [error for error in CLASSES if error is not ReplayedError])
def test_the_caller_reads_the_sentence_and_never_the_detail(error: type[ClipferryError]) -> None:
    told = answer(error).as_answer()

    assert told["status"] == error.status
    assert told["error"]["code"] == error.code
    assert told["error"]["message"] == answer(error).message
    assert "the provider's words" not in str(told)
    assert str(answer(error)) == "the provider's words"


def test_an_error_without_a_detail_logs_its_sentence() -> None:
    assert str(InsufficientCreditsError()) == "You don't have enough credits."


def test_details_are_for_the_caller() -> None:
    told = InsufficientCreditsError(details={"requiredCredits": 15}).as_answer()

    assert told["error"]["details"] == {"requiredCredits": 15}
    assert "details" not in InsufficientCreditsError().as_answer()["error"]


def test_a_field_at_fault_is_named() -> None:
    error = UnknownModelError.for_field("model", "unknown", "there is no model with this id")

    assert type(error) is UnknownModelError
    assert error.as_answer()["error"]["details"] == {
        "fields": [{"path": "model", "code": "unknown", "message": "there is no model with this id"}]
    }


def test_a_replayed_error_is_answered_as_it_was() -> None:
    first = InvalidRequestError.for_field("prompt", "missing", "is required").as_answer()

    assert ReplayedError(first).as_answer() == first


def test_the_message_names_the_first_fields_fault_for_front_ends_that_show_nothing_else() -> None:
    faults = [
        {"path": "duration", "code": "c", "message": "must be 5 or 10"},
        {"path": "a", "code": "c", "message": "b"},
    ]

    assert InvalidRequestError(details={"fields": faults}).message == (
        "The request is not valid: duration: must be 5 or 10."
    )
    assert (
        InvalidRequestError.for_field("model", "c", "ends so.").message == "The request is not valid: model: ends so."
    )
    assert UnknownModelError(details={"fields": faults}).message == "There is no model with this id."
    assert InvalidRequestError("to the log").message == "The request is not valid."
