"""The command `clipferry doctor`: prints a line for each check as soon as it is done, or JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from cli import local_stack
from cli.doctor.checks import CheckContext, checks
from cli.doctor.findings import Finding, Outcome
from cli.output import Json, print_json, print_line, print_styled, spinner
from clipferry import runtime
from clipferry.errors import ClipferryError

ROOT: Final = Path(__file__).parents[2]
BUILD: Final = ROOT / ".aws-sam/build"
_COLOURS: Final = {Outcome.OK: "green", Outcome.FAILED: "bold red", Outcome.SKIPPED: "yellow"}


def doctor(
    api: Annotated[
        str | None, typer.Option(metavar="URL", help="The stack's output ApiUrl, needed if AI_CALLBACK_URL is empty.")
    ] = None,
    build: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="The folder that `make build` writes.", show_default=".aws-sam/build"),
    ] = BUILD,
    architecture: Annotated[
        str | None,
        typer.Option(metavar="x86_64|arm64", help="The deployed architecture, if it isn't the template's default."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Checks everything that is configured by hand, and says how to fix what is wrong. Exit status 1 if a check fails.

    It reads the settings of the environment, as the functions do. It writes only to `doctor/` in the bucket, and
    deletes what it wrote.
    """
    context = CheckContext(migrations=ROOT / "migrations", build=build, architecture=architecture, api=api)
    findings: list[Finding] = []
    try:
        for finding in _findings(context):
            findings.append(finding)
            if not as_json:
                _print(finding)
    finally:
        runtime.reset()
    if as_json:
        print_json([asdict(finding) for finding in findings])
    raise typer.Exit(1 if any(finding.outcome is Outcome.FAILED for finding in findings) else 0)


def _findings(context: CheckContext):
    local_stack.use()
    try:
        dependencies = runtime.dependencies()
    except ClipferryError as error:
        advice = 'Set them to the functions\' values: eval "$(clipferry env STACK)".'
        yield Finding(check="settings", outcome=Outcome.FAILED, detail=str(error), advice=advice)
        return
    yield Finding(check="settings", outcome=Outcome.OK, detail=f"STAGE={dependencies.settings.stage}")
    for check in checks(dependencies, context):
        with spinner(f"Checking {check.name}"):
            finding = check.finding()
        yield finding


def _print(finding: Finding) -> None:
    colour = _COLOURS[finding.outcome]
    print_styled((f"{finding.outcome:<7}", colour), (f" {finding.check:<14} {finding.detail}", ""))
    if finding.advice:
        print_line(f"{'':<22} → {finding.advice}")
