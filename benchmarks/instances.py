"""Functions as they were built, each instance a new process of Lambda's Python with Lambda's two paths."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.world import Event

ROOT: Final = Path(__file__).parents[1]
BUILT: Final = ROOT / ".aws-sam/bench"
NAIVE_LAYER: Final = ROOT / ".tools/naive/python"
COMPILE: Final = ROOT / "tools/compile_for_lambda.sh"
_FIND_PYTHON: Final = ROOT / "tools/lambda_python.sh"
_ONE_PROCESS: Final = Path(__file__).with_name("one_process.py")


class UnmeasurableError(Exception):
    """There is no Python that runs what was built, or a handler didn't do its job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A handler's module `app`, and the folders that are on its path."""

    module: str
    path: tuple[Path, ...]


def find_python() -> str:
    """The interpreter that runs what is built for Lambda."""
    found = subprocess.run([_FIND_PYTHON], capture_output=True, text=True, check=True).stdout.strip()
    if not found:
        raise UnmeasurableError("this needs a Python 3.13, as Lambda has it, on the PATH or named by PYTHON313")
    return found


def without_bytecode(code: Code, into: Path) -> Code:
    """A copy as it would be if nothing had been compiled when it was built; a folder that is there already is taken."""
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
) -> dict[str, Any]:
    """What `one_process.py` measured: all but the first `skip` requests are profiled, on the processor `cpu`."""
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
            [python, "-P", _ONE_PROCESS],
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
