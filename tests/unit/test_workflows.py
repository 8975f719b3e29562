"""GitHub's workflows: actions are pinned by commit, rights are minimal, and a deployment needs an approval."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def jobs(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())["jobs"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_its_commit_with_its_version_beside_it(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text())

    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in used), used


def test_each_action_has_the_same_pin_in_all_workflows() -> None:
    pins = {line for path in WORKFLOWS for line in re.findall(r"uses: (.*)", path.read_text())}

    assert len({pin.partition("@")[0] for pin in pins}) == len(pins)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_each_workflow_has_read_rights_only_and_each_job_a_time_limit(path: Path) -> None:
    assert yaml.safe_load(path.read_text())["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 60 for job in jobs(path).values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_script_contains_text_that_a_user_entered(path: Path) -> None:
    scripts = [step["run"] for job in jobs(path).values() for step in job["steps"] if "run" in step]

    assert not [script for script in scripts if "${{" in script and "matrix." not in script]


def test_the_deployment_uses_a_role_and_waits_for_its_environment_and_the_gate() -> None:
    [path] = [path for path in WORKFLOWS if path.stem == "deploy"]
    deploy = jobs(path)["deploy"]

    assert deploy["environment"] == "${{ inputs.stage }}"
    assert deploy["needs"] == "gate"
    assert deploy["permissions"] == {"contents": "read", "id-token": "write"}
    assert "role-to-assume" in path.read_text()
    assert "aws-access-key-id" not in path.read_text()
    assert {step.get("run") for step in jobs(path)["gate"]["steps"]} >= {".ci/run"}


def test_new_versions_of_packages_and_of_actions_are_looked_for() -> None:
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]

    assert {update["package-ecosystem"] for update in updates} == {"uv", "github-actions"}


def test_what_runs_before_a_commit_is_the_projects_own_and_nothing_is_downloaded() -> None:
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    hooks = [hook for repository in repositories for hook in repository["hooks"]]

    assert [repository["repo"] for repository in repositories] == ["local"]
    assert {hook["language"] for hook in hooks} == {"system"}
    entries = {hook["entry"].rpartition("/bin/")[2] for hook in hooks}
    assert {"ruff format --force-exclude", "ruff check --force-exclude", "uv lock --check --quiet"} <= entries
