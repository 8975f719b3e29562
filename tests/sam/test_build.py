"""What `sam build` makes: for the processor that the one parameter names, and nothing that needn't be there."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MACHINES = {"x86_64": 62, "arm64": 183}
"""ELF's numbers, from elf.h: EM_X86_64 and EM_AARCH64."""


def machine(library: Path) -> int:
    """The processor that a shared library is for, by its ELF header."""
    header = library.read_bytes()[:20]
    assert header[:4] == b"\x7fELF"
    return struct.unpack("<H", header[18:20])[0]


@pytest.mark.parametrize("architecture", MACHINES)
def test_layer_is_built_for_the_architecture_parameter(build: Any, tmp_path: Path, architecture: str) -> None:
    built = build(architecture, "SharedLayer", into=tmp_path)

    libraries = list((built / "SharedLayer/python").rglob("*.so*"))
    assert {"psycopg_binary", "pydantic_core"} <= {library.parent.name for library in libraries}
    assert {machine(library) for library in libraries} == {MACHINES[architecture]}


def test_layer_holds_the_package_and_nothing_of_this_machine(built: Path) -> None:
    layer = built / "SharedLayer"

    assert (layer / "python/clipferry/models.toml").is_file()
    assert [path.name for path in layer.iterdir()] == ["python"]
    assert not list(layer.rglob("__pycache__"))
    assert not (layer / "python/bin").exists()


def test_function_is_its_handler_alone(built: Path) -> None:
    for function in built.glob("*Function"):
        expected = {"app.py", "migrations"} if function.name == "MigrateFunction" else {"app.py"}
        assert {path.name for path in function.iterdir()} == expected


def test_migrate_carries_every_migration(built: Path) -> None:
    carried = {path.name: path.read_bytes() for path in (built / "MigrateFunction/migrations").glob("*.sql")}

    assert carried == {path.name: path.read_bytes() for path in (ROOT / "migrations").glob("*.sql")}
    assert carried
