"""A call works with the dependencies that it began with; what newer settings have replaced is closed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from clipferry.errors import ConfigurationError
from clipferry.runtime import ExecutionEnvironment
from tests.log_lines import captured, metrics


class Made:
    """Stands for Dependencies: all that an execution environment asks of them is to close."""

    def __init__(self, secret: Mapping[str, str]) -> None:
        if "bad" in secret:
            raise ConfigurationError("bad: makes no sense")
        self.secret = secret
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class Owner:
    """Has a secret, and a Lambda that reads it."""

    def __init__(self) -> None:
        self.secret: Mapping[str, str] = {"version": "1"}
        self.environment = ExecutionEnvironment(read_secret=lambda: self.secret, make_dependencies=Made)  # type: ignore[arg-type]

    def dependencies(self) -> Made:
        found = self.environment.dependencies()
        assert isinstance(found, Made)
        return found


@pytest.fixture
def owner() -> Owner:
    return Owner()


def test_outside_of_a_call_the_newest_are_given(owner: Owner) -> None:
    first = owner.dependencies()
    assert owner.dependencies() is first
    owner.secret = {"version": "2"}
    second = owner.dependencies()
    assert (second.secret["version"], first.closed, second.closed) == ("2", 1, 0)


def test_a_call_keeps_what_it_began_with_and_the_next_one_closes_it(owner: Owner) -> None:
    with owner.environment.call():
        first = owner.dependencies()
        owner.secret = {"version": "2"}
        assert owner.dependencies() is first
    assert first.closed == 0, "nobody has asked for others yet"
    with owner.environment.call():
        second = owner.dependencies()
        assert (second.secret["version"], first.closed, second.closed) == ("2", 1, 0)


def test_a_call_begins_with_what_is_the_newest_when_it_first_asks(owner: Owner) -> None:
    owner.dependencies()
    with owner.environment.call():
        owner.secret = {"version": "2"}
        assert owner.dependencies().secret["version"] == "2"


def test_after_a_call_that_failed_the_newest_are_given_too(owner: Owner) -> None:
    with pytest.raises(ValueError, match="boom"), owner.environment.call():  # noqa: PT012
        first = owner.dependencies()
        raise ValueError("boom")
    owner.secret = {"version": "2"}
    second = owner.dependencies()
    assert (second.secret["version"], first.closed) == ("2", 1)


def test_settings_that_make_no_sense_are_refused_once_while_there_are_others(owner: Owner) -> None:
    first = owner.dependencies()
    owner.secret = {"bad": "yes"}
    with captured() as log:
        assert [owner.dependencies() for _ in range(3)] == [first] * 3
    assert metrics(log()) == [("SecretReadErrors", 1, {})]
    assert first.closed == 0
    owner.secret = {"version": "3"}
    assert owner.dependencies().secret["version"] == "3"


def test_settings_that_never_made_sense_are_refused_each_time() -> None:
    owner = Owner()
    owner.secret = {"bad": "yes"}
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="makes no sense"):
            owner.dependencies()


def test_what_was_closed_is_made_anew(owner: Owner) -> None:
    first = owner.dependencies()
    owner.environment.close()
    assert first.closed == 1
    second = owner.dependencies()
    assert second is not first
    assert (first.closed, second.closed) == (1, 0)


def test_what_was_closed_during_a_call_is_made_anew_for_the_rest_of_it(owner: Owner) -> None:
    with owner.environment.call():
        first = owner.dependencies()
        owner.environment.close()
        second = owner.dependencies()
        owner.secret = {"version": "2"}
        assert owner.dependencies() is second
    assert (first.closed, second.closed) == (1, 0)
