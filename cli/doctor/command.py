"""The command: a line for each check as it is done, or JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from cli.doctor.checks import CheckContext, checks
from cli.doctor.findings import Finding, Outcome
from cli.output import Json, console, show, working
from clipferry import runtime
from clipferry.errors import ClipferryError

ROOT: Final = Path(__file__).parents[2]
BUILD: Final = ROOT / ".aws-sam/build"
_COLOURS: Final = {Outcome.OK: "green", Outcome.FAILED: "bold red", Outcome.SKIPPED: "yellow"}


def doctor(
    api: Annotated[
        str | None, typer.Option(metavar="URL", help="The deployed ApiUrl, where AI_CALLBACK_URL is empty.")
    ] = None,
    build: Annotated[Path, typer.Option(metavar="FOLDER", help="Where `make build` has built.")] = ROOT
    / ".aws-sam/build",
    architecture: Annotated[
        str | None, typer.Option(metavar="x86_64|arm64", help="What is deployed, if it isn't the template's default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Look at everything that is configured by hand, and say what to do; exit 1 when something is wrong.

    Reads the settings of the environment, as the functions do. Writes only below `doctor/` in the bucket, and deletes
    it again.
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
        show(findings, as_json=True, title="")
    raise typer.Exit(1 if any(finding.outcome is Outcome.FAILED for finding in findings) else 0)


def _findings(context: CheckContext):
    try:
        needs = runtime.dependencies()
    except ClipferryError as error:
        advice = 'Set them as the functions have them: eval "$(clipferry env STACK)".'
        yield Finding(check="settings", outcome=Outcome.FAILED, detail=str(error), advice=advice)
        return
    yield Finding(check="settings", outcome=Outcome.OK, detail=f"STAGE={needs.settings.stage}")
    for check in checks(needs, context):
        with working(f"Looking at {check.name}"):
            finding = check.finding()
        yield finding


def _print(finding: Finding) -> None:
    colour = _COLOURS[finding.outcome]
    console.print(f"[{colour}]{finding.outcome:<7}[/] {finding.check:<14} {escape(finding.detail)}", soft_wrap=True)
    if finding.advice:
        console.print(f"{'':<22} → {escape(finding.advice)}", soft_wrap=True)
