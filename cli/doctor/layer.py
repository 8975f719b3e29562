"""Checks the layers that `make build` made: their native libraries must fit the functions' processor and Python."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cli.doctor.findings import CheckFailedError, CheckSkippedError

MACHINES: Final = {62: "x86_64", 183: "arm64"}
"""Machine numbers of ELF files (elf.h: EM_X86_64 and EM_AARCH64)."""
_HEADER: Final = 20
_DEFAULT: Final = re.compile(r"^  Architecture:\n(?:    .*\n)*?    Default: (\w+)$", re.MULTILINE)
_RUNTIME: Final = re.compile(r"^\s+Runtime: python3\.(\d+)$", re.MULTILINE)
_TAG: Final = re.compile(r"\.cpython-3(\d+)-")


def check(build: Path, architecture: str | None) -> str:
    """Reads the native libraries of the layers in `build`, the folder that `sam build` writes.

    `architecture` is the deployed one; None means the template's default.
    """
    template = build / "template.yaml"
    if not template.is_file():
        raise CheckSkippedError(f"nothing is built in {build}")
    text = template.read_text(encoding="utf-8")
    wanted = architecture or _first(_DEFAULT, text) or "x86_64"
    python = _first(_RUNTIME, text)
    libraries = sorted(build.glob("*Layer/python/**/*.so*"))
    faults = [fault for library in libraries for fault in _faults(library, wanted, python)]
    if not libraries or faults:
        named = "; ".join(faults[:3]) + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")
        raise CheckFailedError(named or f"the layers in {build} have no native library")
    return f"{len(libraries)} native libraries for {wanted}, Python 3.{python}"


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found[1] if found else None


def _faults(library: Path, wanted: str, python: str | None) -> Iterator[str]:
    machine = _machine(library)
    if machine != wanted:
        yield f"{library.name} is for {machine}, not {wanted}"
    tag = _TAG.search(library.name)
    if tag and python and tag[1] != python:
        yield f"{library.name} is for Python 3.{tag[1]}, not 3.{python}"


def _machine(library: Path) -> str:
    with library.open("rb") as file:
        header = file.read(_HEADER)
    if len(header) < _HEADER or not header.startswith(b"\x7fELF"):
        return "another operating system"
    (number,) = struct.unpack("<H", header[18:20])
    return MACHINES.get(number, f"machine {number}")
