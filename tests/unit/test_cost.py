"""`make cost`: its results, compared with calculations by hand, and its table in docs/cost.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import cost, cost_prices
from benchmarks.cost_parts import TEMPLATE, parts, r2_writes, total, watched
from benchmarks.cost_prices import Price
from benchmarks.cost_workload import Workload, demands, gb_seconds, mirror_seconds, requests

PAGE = Path(__file__).parents[2] / "docs/cost.md"


def dollars(work: Workload, name: str) -> float:
    [part] = [part for part in parts(work) if part.name == name]
    return part.dollars


def test_a_thousand_videos_of_20_mb_are_20_gb_out_of_aws() -> None:
    assert dollars(Workload(video_mb=20), "Bytes from AWS to R2") == pytest.approx(20 * 0.09)
    assert dollars(Workload(video_mb=20, months_kept=6), "Files kept in R2") == pytest.approx(20 * 6 * 0.015)


def test_the_largest_part_comes_first_and_the_total_is_their_sum() -> None:
    found = parts(Workload())

    assert [part.dollars for part in found] == sorted((part.dollars for part in found), reverse=True)
    assert total(Workload()) == pytest.approx(sum(part.dollars for part in found))


def test_monthly_prices_are_divided_by_the_months_videos() -> None:
    few, many = Workload(per_month=1000), Workload(per_month=100_000)

    assert dollars(few, "PostgreSQL") == pytest.approx(730 * 0.016 + 20 * 0.115)
    assert dollars(many, "PostgreSQL") == pytest.approx(dollars(few, "PostgreSQL") / 100)
    assert dollars(few, "Lambda") == pytest.approx(dollars(many, "Lambda"))


def test_a_nat_gateway_is_paid_by_the_hour_and_for_traffic_in_both_directions() -> None:
    work = Workload(nat=True, per_month=1000, video_mb=10)

    assert dollars(work, "NAT gateway") == pytest.approx(730 * 0.045 + 20 * 0.045)
    assert "NAT gateway" not in [part.name for part in parts(Workload())]


def test_lambda_costs_gb_seconds_and_invocations() -> None:
    work = Workload(polls=0, callbacks=1, provider_seconds=1, video_mb=40, mirror_mb_per_second=40)
    order, callback, lists = 2.1, 1.1, 2 * 0.04
    expected = (order + callback + lists) * 0.5 + mirror_seconds(work) * 1.0

    assert gb_seconds(work) == pytest.approx(expected)
    assert dollars(work, "Lambda") == pytest.approx(expected * 1000 * 0.0000166667 + 5000 * 0.20e-6)
    on_arm = Workload(polls=0, callbacks=1, provider_seconds=1, video_mb=40, mirror_mb_per_second=40, arm=True)
    assert dollars(on_arm, "Lambda") < dollars(work, "Lambda")


def test_a_mirror_takes_as_long_as_the_slower_of_network_and_cpu() -> None:
    slow = Workload(video_mb=400, mirror_mb_per_second=40)
    quick = Workload(video_mb=400, mirror_mb_per_second=100_000, mirror_memory_mb=1769)

    assert mirror_seconds(slow) == pytest.approx(10 + 0.12 / (1024 / 1769) + 0.5)
    assert mirror_seconds(quick) == pytest.approx(0.4 * 1.75 + 0.12 + 0.5)


def test_status_requests_beyond_the_refresh_interval_do_not_ask_the_provider() -> None:
    few, many = (demands(Workload(seconds=30, polls=polls))["query_videos"] for polls in (2, 20))

    assert few.busy_seconds - 4 * 0.04 == pytest.approx(many.busy_seconds - 22 * 0.04)
    assert requests(Workload(polls=20)) - requests(Workload(polls=2)) == 18


@pytest.mark.parametrize(("video_mb", "writes"), [(1, 2), (8.388608, 2), (8.4, 5), (20, 6), (100, 15)])
def test_a_file_is_written_in_one_put_or_in_parts(video_mb: float, writes: int) -> None:
    """An upload in parts has two more requests, and the thumbnail is one."""
    assert r2_writes(video_mb) == writes


def test_alarms_are_counted_in_the_template_and_paid_by_the_series_they_read(tmp_path: Path) -> None:
    alarm, stat = (
        "  A:\n    Type: AWS::CloudWatch::Alarm\n    Properties:\n",
        "          MetricStat:\n            Stat: Sum\n",
    )
    one, query = "      Statistic: Sum\n", "          Expression: !Sub SELECT SUM(X) FROM SCHEMA(Y)\n"
    template = tmp_path / "template.yaml"
    template.write_text("Resources:\n" + alarm + one + alarm + query + alarm + 5 * stat)
    [part] = [part for part in parts(Workload(), template) if part.name == "Alarms"]

    assert "3 alarms over 7 series" in part.how
    assert part.dollars == pytest.approx(0.70 / 10)
    assert dollars(Workload(metrics=21), "Metrics, dashboard") == pytest.approx((21 * 0.30 + 3.00) / 10)


def test_the_alarms_of_another_template_are_compared_with_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tmp_path / "template.yaml"
    before.write_text("  A:\n    Type: AWS::CloudWatch::Alarm\n" + 50 * "          MetricStat:\n")

    cost.main(["--before", str(before)])

    printed = capsys.readouterr().out
    assert "alarms before: $5.00 a month, 1 alarms over 50 series\n" in printed
    assert f"alarms now:    ${watched(TEMPLATE)[1] / 10:.2f} a month" in printed
    assert watched(TEMPLATE)[1] < 32


def test_a_snapshot_is_paid_by_the_second_that_it_is_kept_and_by_the_start() -> None:
    work = Workload(snapstart=True, memory_mb=1024, per_month=1000, cold_starts=1000)

    assert dollars(work, "SnapStart") == pytest.approx(4 * 730 * 3600 * 0.0000015046 + 1000 * 0.0001397998)
    assert "SnapStart" not in [part.name for part in parts(Workload())]


def test_every_price_has_its_unit_and_source() -> None:
    known = [price for price in vars(cost_prices).values() if isinstance(price, Price)]

    assert len(known) > 15
    assert all(price.dollars > 0 and price.unit and "." in price.source for price in known)


def test_the_command_takes_the_assumptions_as_options(capsys: pytest.CaptureFixture[str]) -> None:
    cost.main(["--video-mb", "50", "--per-month", "1000", "--nat"])
    printed = capsys.readouterr().out

    assert "50 MB, 1,000 a month" in printed
    assert "NAT gateway" in printed
    with pytest.raises(SystemExit, match="2"):
        cost.main(["--per-month", "0"])


def test_the_page_has_the_table_that_the_command_prints() -> None:
    table = "\n".join(cost.report(Workload()))

    assert table in PAGE.read_text(encoding="utf-8"), f"docs/cost.md is stale; `make cost` prints:\n{table}"
