"""A catalogue of one's own: packed as a layer, unpacked where Lambda unpacks it, and served."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from zipfile import ZipFile

import pytest

from clipferry import runtime
from local.lambda_runtime import events
from local.lambda_runtime.lambda_context import invoker
from local.sam_template.environment import in_process
from local.sam_template.intrinsics import parse
from local.sam_template.read import read_template

ROOT = Path(__file__).parents[2]
MINE = """
[[model]]
id = "ferry-1"
name = "Ferry 1"
durations = [5]
cost = { base = 7 }
offer = [{ provider = "evolink", model = "seedance-2.0" }]
"""


def pack(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools/pack_models.py"), str(source), str(target)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    file = tmp_path / "my own.toml"
    file.write_text(MINE)
    return file


def test_function_with_the_layer_serves_the_owners_models(mine: Path, tmp_path: Path) -> None:
    done = pack(mine, tmp_path / "layer.zip")
    assert done.returncode == 0, done.stderr
    assert "aws lambda publish-layer-version" in done.stdout
    with ZipFile(tmp_path / "layer.zip") as layer:
        assert layer.namelist() == ["models.toml"]
        layer.extractall(tmp_path / "opt")
    variables = parse((ROOT / "template.yaml").read_text())["Resources"]["AccountFunction"]["Properties"]["Environment"]
    assert variables["Variables"]["MODELS_FILE"] == {"Fn::If": ["HasModelsLayer", "/opt/models.toml", ""]}
    account = read_template(
        parameters={"ModelsLayerArn": "arn:aws:lambda:us-east-1:123456789012:layer:models:1"}
    ).function("AccountFunction")
    assert account.environment["MODELS_FILE"] == "/opt/models.toml"

    runtime.reset()
    values = json.loads((ROOT / "events/env.json").read_text())["Parameters"]
    with in_process({**values, "MODELS_FILE": str(tmp_path / "opt/models.toml")}):
        handler = getattr(import_module(account.module), account.attribute)
        path = "/api/v1/config/models"
        answer = invoker(account, handler)(events.http_event("GET", path, route_key=f"GET {path}"))
    runtime.reset()

    assert [model["id"] for model in json.loads(answer["body"])["data"]] == ["ferry-1"]


def test_same_catalogue_makes_the_same_layer(mine: Path, tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        assert pack(mine, tmp_path / name).returncode == 0

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "models.toml: model is missing"),
        ("[[model]]\nid =", "models.toml: Invalid value (at end of document)"),
        (MINE.replace("base = 7", "base = 0"), "ferry-1: must cost"),
        (MINE.replace("base = 7", 'base = "7"'), "ferry-1: base must be a number"),
        (MINE.replace("base = 7", ""), "ferry-1: base is missing"),
        (MINE.replace("base = 7", "bas = 7"), "ferry-1: unknown bas"),
        (MINE.replace('name = "Ferry 1"', ""), "ferry-1: name is missing"),
        (MINE.replace("durations = [5]", ""), "ferry-1: durations must be whole seconds"),
    ],
)
def test_catalogue_that_makes_no_sense_is_not_packed(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "models.toml"
    file.write_text(text)

    done = pack(file, tmp_path / "layer.zip")

    assert done.returncode == 1
    assert named in done.stderr
    assert not (tmp_path / "layer.zip").exists()
