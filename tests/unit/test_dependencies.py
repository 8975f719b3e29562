"""A call works with what it began with; what was replaced is closed when the last call that uses it has ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import pytest

from clipferry.dependencies import Succession
from clipferry.errors import ConfigurationError
from tests.log_lines import captured, metrics


class Made:
    """What stands for collaborators here: all that a succession asks of them is to close."""

    def __init__(self, secret: Mapping[str, str]) -> None:
        if "bad" in secret:
            raise ConfigurationError("bad: makes no sense")
        self.secret = secret
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class Owner:
    def __init__(self) -> None:
        self.secret: Mapping[str, str] = {"version": "1"}
        self.succession = Succession(read=lambda: self.secret, make=Made)  # type: ignore[arg-type]

    def current(self) -> Made:
        found = self.succession.current()
        assert isinstance(found, Made)
        return found


@pytest.fixture
def owner() -> Owner:
    return Owner()


def test_outside_of_a_call_the_newest_is_given(owner: Owner) -> None:
    first = owner.current()
    assert owner.current() is first
    owner.secret = {"version": "2"}
    second = owner.current()
    assert (second.secret["version"], first.closed, second.closed) == ("2", 1, 0)


def test_a_call_keeps_what_it_began_with(owner: Owner) -> None:
    with owner.succession.call():
        first = owner.current()
        owner.secret = {"version": "2"}
        assert owner.current() is first
    assert first.closed == 0, "nobody has asked for another yet"
    with owner.succession.call():
        assert owner.current() is not first
        assert first.closed == 1


def test_one_that_is_still_used_is_closed_by_the_last_who_leaves(owner: Owner) -> None:
    works, goes = threading.Event(), threading.Event()
    kept: list[Made] = []

    def work() -> None:
        with owner.succession.call():
            kept.append(owner.current())
            works.set()
            goes.wait(10)
            kept.append(owner.current())

    thread = threading.Thread(target=work)
    thread.start()
    works.wait(10)
    owner.secret = {"version": "2"}
    with owner.succession.call():
        second = owner.current()
        assert kept[0] is not second
        assert kept[0].closed == 0
    goes.set()
    thread.join()
    assert kept[0] is kept[1]
    assert (kept[0].closed, second.closed) == (1, 0)


def test_a_call_that_fails_lets_go_too(owner: Owner) -> None:
    seen = []

    def fail() -> None:
        with owner.succession.call():
            seen.append(owner.current())
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        fail()
    owner.secret = {"version": "2"}
    owner.current()
    assert seen[0].closed == 1


def test_settings_that_make_no_sense_are_refused_once_while_there_are_others(owner: Owner) -> None:
    first = owner.current()
    owner.secret = {"bad": "yes"}
    with captured() as log:
        assert [owner.current() for _ in range(3)] == [first] * 3
    assert metrics(log()) == [("SecretReadErrors", 1, {})]
    owner.secret = {"version": "3"}
    assert owner.current().secret["version"] == "3"


def test_settings_that_never_made_sense_are_refused_each_time() -> None:
    owner = Owner()
    owner.secret = {"bad": "yes"}
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="makes no sense"):
            owner.current()


def test_what_was_forgotten_is_made_anew(owner: Owner) -> None:
    first = owner.current()
    owner.succession.close()
    assert first.closed == 1
    assert owner.current() is not first


def test_in_any_disorder_nobody_works_with_what_is_closed_and_all_that_was_replaced_is_closed_once(
    owner: Owner,
) -> None:
    seen: set[Made] = set()
    wrong: list[str] = []
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            with owner.succession.call():
                made = owner.current()
                seen.add(made)
                time.sleep(0)
                if made.closed or owner.current() is not made:
                    wrong.append(made.secret["version"])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for version in range(200):
        owner.secret = {"version": str(version)}
        time.sleep(0.001)
    over.set()
    for thread in threads:
        thread.join()
    newest = owner.current()
    assert wrong == []
    assert len(seen) > 20
    assert {made.closed for made in seen - {newest}} == {1}
    assert newest.closed == 0
