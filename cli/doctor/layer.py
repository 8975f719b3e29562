"""The layer that `make build` has made: its native libraries are for the functions' processor and Python."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cli.doctor.findings import NotLookedAtError, TroubleError

MACHINES: Final = {62: "x86_64", 183: "arm64"}
"""ELF's numbers, from elf.h: EM_X86_64 and EM_AARCH64."""
_HEADER: Final = 20
_DEFAULT: Final = re.compile(r"^  Architecture:\n(?:    .*\n)*?    Default: (\w+)$", re.MULTILINE)
_RUNTIME: Final = re.compile(r"^\s+Runtime: python3\.(\d+)$", re.MULTILINE)
_TAG: Final = re.compile(r"\.cpython-3(\d+)-")


def look(build: Path, architecture: str | None) -> str:
    """Reads the libraries of the layers below `build`, which is where `sam build` writes.

    `architecture` is what the stack is deployed with; None is the template's default.
    """
    template = build / "template.yaml"
    if not template.is_file():
        raise NotLookedAtError(f"nothing is built in {build}")
    text = template.read_text(encoding="utf-8")
    wanted = architecture or _first(_DEFAULT, text) or "x86_64"
    python = _first(_RUNTIME, text)
    libraries = sorted(build.glob("*Layer/python/**/*.so*"))
    faults = [fault for library in libraries for fault in _faults(library, wanted, python)]
    if not libraries or faults:
        named = "; ".join(faults[:3]) + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")
        raise TroubleError(named or f"no library in {build}'s layers")
    return f"{len(libraries)} libraries for {wanted}, Python 3.{python}"


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
        return "another system"
    (number,) = struct.unpack("<H", header[18:20])
    return MACHINES.get(number, f"machine {number}")
