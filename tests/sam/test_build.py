"""What `sam build` makes: for the processor that the one parameter names, and nothing that needn't be there."""

from __future__ import annotations

import _imp
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MACHINES = {"x86_64": 62, "arm64": 183}
"""ELF's numbers, from elf.h: EM_X86_64 and EM_AARCH64."""
COMPILE = ROOT / "tools/compile_for_lambda.sh"
MAGIC = 0x0A0D_0DF3
"""The first bytes of CPython 3.13's bytecode."""
UNCHECKED_HASH = 1
"""PEP 552: the interpreter takes it as it is, whatever the time of its source is."""
MB = 1024 * 1024


def machine(library: Path) -> int:
    """The processor that a shared library is for, by its ELF header."""
    header = library.read_bytes()[:20]
    assert header[:4] == b"\x7fELF"
    return struct.unpack("<H", header[18:20])[0]


@pytest.fixture(scope="module")
def has_bytecode(tmp_path_factory: pytest.TempPathFactory) -> bool:
    """Whether this machine has the Python that Lambda runs."""
    said = subprocess.run(
        [COMPILE, tmp_path_factory.mktemp("empty"), "/var/task"], check=True, capture_output=True, text=True
    )
    return said.stdout.startswith("compiled")


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
    assert not (layer / "python/bin").exists()


def test_function_is_its_handler_alone(built: Path) -> None:
    for function in built.glob("*Function"):
        expected = {"app.py", "migrations"} if function.name == "MigrateFunction" else {"app.py"}
        assert {path.name for path in function.iterdir()} - {"__pycache__"} == expected


def test_every_module_has_the_bytecode_of_lambda_s_python_or_none_has_any(built: Path, has_bytecode: bool) -> None:
    sources = {path for path in built.rglob("*.py") if "migrations" not in path.parts}
    compiled = {source_of(path) for path in built.rglob("*.pyc")}

    assert compiled == (sources if has_bytecode else set())


def source_of(bytecode: Path) -> Path:
    """The module that Lambda's Python imports by this file."""
    return bytecode.parent.parent / f"{bytecode.name.removesuffix('.cpython-313.pyc')}.py"


def test_bytecode_is_of_its_source_and_is_believed_without_looking(built: Path) -> None:
    for path in built.rglob("*.pyc"):
        magic, flags, digest = struct.unpack("<II8s", path.read_bytes()[:16])
        assert (magic, flags) == (MAGIC, UNCHECKED_HASH), path
        assert digest == _imp.source_hash(MAGIC, source_of(path).read_bytes()), path


def test_tracebacks_name_the_places_where_lambda_has_the_files(built: Path, has_bytecode: bool) -> None:
    if not has_bytecode:
        pytest.skip("there is no Python 3.13")
    places = {
        "SharedLayer/python/clipferry": ("runtime", "/opt/python/clipferry/runtime.py"),
        "ThumbnailLayer/python/av": ("container/__init__", "/opt/python/av/container/__init__.py"),
        "CreateVideoFunction": ("app", "/var/task/app.py"),
    }
    for folder, (module, place) in places.items():
        package, _, name = module.rpartition("/")
        assert place.encode() in (built / folder / package / f"__pycache__/{name}.cpython-313.pyc").read_bytes()
        for path in (built / folder).rglob("*.pyc"):
            assert str(built).encode() not in path.read_bytes()


def test_an_unchanged_source_is_compiled_to_the_same_bytes(built: Path, tmp_path: Path) -> None:
    package = "SharedLayer/python/clipferry"
    shutil.copytree(built / package, tmp_path / "python/clipferry", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([COMPILE, tmp_path / "python", "/opt/python"], check=True, capture_output=True)

    anew = {path.name: path.read_bytes() for path in (tmp_path / "python/clipferry").glob("__pycache__/*")}
    assert anew == {path.name: path.read_bytes() for path in (built / package).glob("__pycache__/*")}


def test_layers_leave_room_in_what_lambda_takes(built: Path) -> None:
    """250 MB unzipped, the layers and the function together (AWS: Lambda quotas)."""
    layers = {name: size(built / name) for name in ("SharedLayer", "ThumbnailLayer")}

    assert layers["SharedLayer"] < 50 * MB
    assert sum(layers.values()) < 220 * MB


def test_the_layers_own_boto3_knows_s3_alone_and_signs_with_it(built: Path) -> None:
    """In a process that has nothing but Lambda's Python and the layer."""
    packages = built / "SharedLayer/python"
    known = {path.name for path in (packages / "botocore/data").iterdir() if path.is_dir()}
    assert known == {"s3"}
    program = (
        f"import sys; sys.path.insert(0, {str(packages)!r})\n"
        "from clipferry.storage import Storage\n"
        "where = dict(endpoint='https://127.0.0.1:1', region='auto', bucket='videos', public_domain=None)\n"
        "storage = Storage(access_key='a', secret_key='b', **where)\n"
        "print(storage.get_signed_upload_url(key='k', content_type='video/mp4', content_length=5))\n"
    )
    python = subprocess.run(
        [ROOT / "tools/lambda_python.sh"], check=True, capture_output=True, text=True
    ).stdout.strip()
    if not python:
        pytest.skip("there is no Python 3.13 here")
    done = subprocess.run([python, "-I", "-S", "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("https://127.0.0.1:1/videos/k?X-Amz-Algorithm=AWS4-HMAC-SHA256")


def size(folder: Path) -> int:
    """Bytes of all files in it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_migrate_carries_every_migration(built: Path) -> None:
    carried = {path.name: path.read_bytes() for path in (built / "MigrateFunction/migrations").glob("*.sql")}

    assert carried == {path.name: path.read_bytes() for path in (ROOT / "migrations").glob("*.sql")}
    assert carried


def test_nothing_is_shipped_that_only_a_developer_needs(built: Path) -> None:
    """Neither our own tests, local stack and command line, nor what they import."""
    folders = {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_dir()}
    shipped = {path.name for path in (built / "SharedLayer/python").iterdir()}

    assert not {"local", "cli", "tests", "events", "benchmarks"} & shipped
    assert not [name for name in folders if "/clipferry/" in name and name.endswith(("/tests", "/local"))]
    assert not {"moto", "boto3_stubs", "typer", "pytest", "psycopg2", "av"} & shipped


def test_functions_are_small(built: Path) -> None:
    for function in built.glob("*Function"):
        assert size(function) < MB / 4, function.name
