"""Runs built functions: each instance is a new process of Lambda's Python, with the layer and function on its path."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.events import Event

ROOT: Final = Path(__file__).parents[1]
BUILT: Final = ROOT / ".aws-sam/bench"
NAIVE_LAYER: Final = ROOT / ".tools/naive/python"
COMPILE: Final = ROOT / "tools/compile_for_lambda.sh"
_FIND_PYTHON: Final = ROOT / "tools/lambda_python.sh"
_ONE_PROCESS: Final = Path(__file__).with_name("one_process.py")


class UnmeasurableError(Exception):
    """There is no Python that can run the build, or a handler failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A handler's module `app`, and the folders that are on its path."""

    module: str
    path: tuple[Path, ...]


def find_python() -> str:
    """Finds an interpreter of Lambda's Python version."""
    found = subprocess.run([_FIND_PYTHON], capture_output=True, text=True, check=True).stdout.strip()
    if not found:
        raise UnmeasurableError("a Python 3.13, as in Lambda, has to be on the PATH or named by PYTHON313")
    return found


def without_bytecode(code: Code, into: Path) -> Code:
    """Copies the code without its compiled modules; a copy that exists already is used."""
    copies = [into / "-".join(folder.parts[-2:]) for folder in code.path]
    for folder, copy in zip(code.path, copies, strict=True):
        if not copy.is_dir():
            shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return Code(module=code.module, path=tuple(copies))


def run(
    python: str,
    code: Code,
    *,
    environment: dict[str, str],
    events: Sequence[Event],
    expected: int,
    skip: int = 1,
    count_files: bool = False,
    profile: bool = False,
    cpu: int | None = None,
    under: Sequence[str] = (),
) -> dict[str, Any]:
    """Returns what `one_process.py` measured, on the processor `cpu`; the first `skip` requests aren't profiled.

    `under` is a program that runs the interpreter, with its options.
    """
    with tempfile.NamedTemporaryFile() as output:
        order = {
            "module": code.module,
            "events": list(events),
            "expected": expected,
            "skip": skip,
            "count_files": count_files,
            "profile": profile,
            "cpu": cpu,
            "output": output.name,
        }
        done = subprocess.run(
            [*under, python, "-P", _ONE_PROCESS],
            input=json.dumps(order),
            env={**environment, "PYTHONPATH": ":".join(map(str, code.path)), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise UnmeasurableError(f"{code.path[-1].name}:\n{done.stdout[-4000:]}")
        return json.loads(Path(output.name).read_text())
