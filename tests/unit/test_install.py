"""Setting up takes every package from the index that uv or pip is set to, and says what to do when there is none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MIRROR = "https://mirror.example/simple"
_UV = """#!/bin/sh
echo "$@" >>asked
echo "${UV_DEFAULT_INDEX-unset} ${UV_INDEX_URL-unset}" >>index
exit ${FAIL:-0}
"""
_PYTHON = """#!/bin/sh
case "$*" in *"config get global.index-url"*) echo "${CONFIGURED:?}"; exit;; esac
echo "$@" >>asked
echo "${PIP_INDEX_URL-unset}" >>index
exit ${FAIL:-0}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A checkout whose uv and Python only write down what they are asked."""
    programs = tmp_path / ".tools/uv/bin"
    programs.mkdir(parents=True)
    for name, text in (("uv", _UV), ("python", _PYTHON)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    return tmp_path


def install(place: Path, environment: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "tools/install.sh", environment, "needed.txt", *options],
        cwd=place,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("variable", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL", "CONFIGURED"])
def test_uv_takes_the_index_that_uv_or_pip_is_set_to(place: Path, variable: str) -> None:
    done = install(place, ".venv", "--exact", **{variable: MIRROR})

    assert (done.returncode, done.stderr) == (0, "")
    assert (place / "asked").read_text() == "pip install --quiet --python .venv --exact -r needed.txt\n"
    assert (place / "index").read_text() == f"{MIRROR} unset\n"


@pytest.mark.parametrize("variable", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"])
def test_so_does_pip_which_brings_uv(place: Path, variable: str) -> None:
    assert install(place, ".tools/uv", **{variable: MIRROR}).returncode == 0
    assert "--require-hashes -r needed.txt" in (place / "asked").read_text()
    assert (place / "index").read_text() == f"{MIRROR}\n"


@pytest.mark.parametrize("environment", [".venv", ".tools/uv"])
@pytest.mark.parametrize(("index", "named"), [({}, "https://pypi.org/simple"), ({"PIP_INDEX_URL": MIRROR}, MIRROR)])
def test_when_it_cannot_be_reached_it_says_what_to_set(
    place: Path, environment: str, index: dict[str, str], named: str
) -> None:
    done = install(place, environment, FAIL="1", **index)

    assert done.returncode == 1
    assert f"couldn't be installed from {named}." in done.stderr
    assert "export PIP_INDEX_URL=" in done.stderr
    assert "export HTTPS_PROXY=" in done.stderr


def test_every_environment_is_installed_by_that_script() -> None:
    """`uv sync` would take files from the host that the lock file names, whatever index is set."""
    made = (ROOT / "Makefile").read_text()

    assert " sync " not in made.replace("which", "")
    assert made.count("tools/install.sh .") == 4
