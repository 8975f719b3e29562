"""`make simulate`: known cases of queueing theory, the same results for the same seed, and its tables in the docs."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from benchmarks import simulate
from benchmarks.cost_workload import Workload, demands
from benchmarks.simulate_arrivals import busiest, percentile, waits
from benchmarks.simulate_limits import Ceilings, Limit, ceilings, limits, little

PAGE = Path(__file__).parents[2] / "docs/scaling.md"


def limit(name: str, work: Workload | None = None, **changes: float) -> Limit:
    [found] = [each for each in limits(work or Workload(), ceilings(**changes)) if each.name == name]
    return found


def test_the_calls_in_progress_follow_littles_law() -> None:
    """A hundred calls a second that take 0.2 s each are twenty in progress."""
    assert little(100, 0.2) == pytest.approx(20)


def test_a_limit_is_reached_where_demand_equals_the_ceiling() -> None:
    work = Workload(polls=7, callbacks=2)

    assert limit("requests of the API", work, api_requests=120).rate == pytest.approx(10)
    mirror = demands(work)["mirror_video"].seconds
    assert limit("mirrors at a time", work, mirror_concurrency=50).rate == pytest.approx(50 / mirror)
    busy = sum(ask.calls * ask.seconds for ask in demands(work).values())
    assert limit("database connections", work, connections=100).rate == pytest.approx(100 / busy)
    assert limit("Lambda, instances", work).rate == pytest.approx(1000 / busy)


def test_reconcile_is_no_limit_for_videos_that_finish_before_its_first_check() -> None:
    assert math.isinf(limit("reconcile", Workload(seconds=45)).rate)
    late = limit("reconcile", Workload(seconds=105, provider_seconds=0.45), reconcile_seconds=30, reconcile_workers=4)
    assert late.rate == pytest.approx(4 * 0.5 / 0.5)


def test_limits_are_sorted_by_the_rate_at_which_they_are_reached() -> None:
    rates = [each.rate for each in limits(Workload(), ceilings())]

    assert rates == sorted(rates)


def test_ceilings_are_read_from_the_template(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    throttled = """Resources:
  Api: {Properties: {DefaultRouteSettings: {ThrottlingRateLimit: %s}}}
  ReconcileFunction: {Properties: {Timeout: 48}}
"""
    parameters = "Parameters: {MirrorConcurrency: {Default: 7}, Rate: {Default: 33}}\n"
    template.write_text(parameters + throttled % 50)
    has = ceilings(template)
    assert (has.mirror_concurrency, has.api_requests, has.reconcile_seconds) == (7, 50, 30)
    template.write_text(parameters + throttled % "!Ref Rate")
    assert ceilings(template).api_requests == 33


def test_the_busiest_moment_is_the_percentile_of_a_poisson_distribution() -> None:
    """The 99.9th percentile is 132 for a mean of 100, and 5 for a mean of 1, whatever the durations."""
    assert busiest(1000, 0.1, random.Random(1)) == pytest.approx(132, abs=3)
    assert busiest(10, 0.1, random.Random(1)) == pytest.approx(5, abs=2)


def test_waiting_times_are_those_of_an_mm1_queue() -> None:
    """With one server at half load, half of the calls wait, and the average wait is one service time."""
    waited = waits(0.5, 1.0, 1, random.Random(1))

    assert sum(waited) / len(waited) == pytest.approx(1.0, rel=0.1)
    assert sum(wait > 0 for wait in waited) / len(waited) == pytest.approx(0.5, rel=0.05)


def test_a_queue_with_spare_servers_has_no_waiting_times() -> None:
    assert percentile(waits(1, 0.1, 50, random.Random(1)), 0.999) == 0


def test_the_wait_is_infinite_beyond_the_capacity() -> None:
    has = Ceilings(api_requests=100, mirror_concurrency=5, reconcile_seconds=30)

    assert math.isinf(simulate.mirror_wait(100, Workload(), has, random.Random(1)))
    assert simulate.mirror_wait(0.1, Workload(), has, random.Random(1)) < 1


def test_the_same_seed_gives_the_same_table(capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for seed in ("3", "3", "4"):
        simulate.main(["2", "20", "--seed", seed])
        printed.append(capsys.readouterr().out)

    assert printed[0] == printed[1] != printed[2]
    assert printed[0].startswith("| videos/s |")
    with pytest.raises(SystemExit, match="2"):
        simulate.main(["0"])


def test_the_busiest_moment_can_exceed_a_limit_that_the_average_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    rate = limit("database connections").rate * 0.95
    roomy = ["--mirror-concurrency", "1000", "--api-requests", "1e9", "--provider-submits", "1e9", "--seconds", "45"]
    simulate.main([str(rate), *roomy])

    assert capsys.readouterr().out.splitlines()[2].endswith("| database connections |")


def test_the_page_has_the_tables_that_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    simulate.main([])
    page = PAGE.read_text(encoding="utf-8")

    for table in capsys.readouterr().out.strip().split("\n\n"):
        assert table in page, f"docs/scaling.md is stale; `make simulate` prints:\n{table}"
