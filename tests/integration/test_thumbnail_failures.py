"""What can go wrong in the worker process: no video, a decompression bomb, a crash, a wrong answer.

Each costs the thumbnail, and nothing more.
"""

from __future__ import annotations

import io
import json
import os
import platform
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from clipferry.media.thumbnail import MAX_JPEG_BYTES, jpeg_size, make_thumbnail
from tests.films import corners, film, leading_clip, noise, recording


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def miss_reason(capsys: pytest.CaptureFixture[str], clip: bytes | None, **options: object) -> str:
    """The reason in the metric, after a thumbnail that couldn't be made."""
    assert make_thumbnail(clip, **options) is None  # type: ignore[arg-type]
    (metric,) = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if "ThumbnailsMissed" in line]
    assert metric["ThumbnailsMissed"] == [1]
    return metric["reason"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return film(tmp_path_factory.mktemp("film") / "film.mp4", picture=corners, frames=24)


def test_a_file_with_sound_only_has_no_thumbnail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = recording(tmp_path / "sound.mp4")

    assert miss_reason(capsys, leading_clip(data)) == "no_picture"
    assert miss_reason(capsys, data) == "undecodable"


def test_half_a_frame_gives_no_thumbnail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = film(tmp_path / "film.mp4", picture=noise, frames=3)

    assert miss_reason(capsys, leading_clip(data, clip_bytes=20_000)) == "undecodable"


def test_a_codec_that_no_provider_uses_is_not_decoded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = film(tmp_path / "film.mp4", codec="ffv1", frames=2)

    assert miss_reason(capsys, leading_clip(data)) == "undecodable"


def test_an_unknown_codec_is_not_decoded(plain: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    assert miss_reason(capsys, plain.replace(b"avc1", b"XYZ1")) == "undecodable"


@pytest.mark.parametrize("side", [30_000, 65_536])
def test_a_frame_of_a_thousand_million_pixels_is_not_decoded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], side: int
) -> None:
    data = bytearray(film(tmp_path / "film.mp4", codec="libvpx-vp9", frames=2))
    # The VP9 bitstream specification, §6.2: a sync code, four bits of colour, width and height less one of 16 bits.
    size_at = data.index(b"\x49\x83\x42") + 3
    fields = int.from_bytes(data[size_at : size_at + 5])
    assert (fields >> 20 & 0xFFFF, fields >> 4 & 0xFFFF) == (319, 179)
    fields = (fields & 0xF0_0000_000F) | (side - 1) << 20 | (side - 1) << 4
    data[size_at : size_at + 5] = fields.to_bytes(5)

    assert miss_reason(capsys, leading_clip(bytes(data))) == "undecodable"


@pytest.mark.parametrize(
    "garbage", [b"", b"\0", b"<html>not here</html>", bytes(1 << 20)], ids=["", "0", "html", "zeros"]
)
def test_garbage_gives_no_thumbnail(capsys: pytest.CaptureFixture[str], garbage: bytes) -> None:
    assert miss_reason(capsys, garbage) == "undecodable"


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_damaged_file_gives_a_valid_thumbnail_or_none(plain: bytes, data: st.DataObject) -> None:
    damaged = bytearray(plain)
    places = st.integers(0, len(damaged) - 1)
    for position, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=300)):
        damaged[position] = value

    thumbnail = make_thumbnail(bytes(damaged))

    if thumbnail is not None:
        with Image.open(io.BytesIO(thumbnail)) as image:
            assert image.size == jpeg_size(thumbnail)
            image.load()


@pytest.mark.parametrize(
    ("code", "clip"),
    [
        ("import time; time.sleep(600)", bytes(1 << 20)),
        ("import itertools, os, time\nfor _ in itertools.count(): time.sleep(0.01); os.write(1, b'.')", b""),
    ],
    ids=["reads and writes nothing", "writes a byte now and then"],
)
def test_a_worker_that_does_not_end_in_time_is_killed(
    capsys: pytest.CaptureFixture[str], code: str, clip: bytes
) -> None:
    assert miss_reason(capsys, clip, command=python(code), timeout_seconds=0.5) == "too_slow"


def test_a_worker_that_uses_up_its_cpu_time_is_too_slow(capsys: pytest.CaptureFixture[str]) -> None:
    busy = python(
        "from clipferry.media import sandbox\nsandbox.set_limits(address_space=1 << 30, cpu_seconds=1)\nwhile 1: 1"
    )

    assert miss_reason(capsys, b"", command=busy, timeout_seconds=60) == "too_slow"


def test_a_worker_that_runs_out_of_memory_costs_the_thumbnail_only(capsys: pytest.CaptureFixture[str]) -> None:
    hungry = python(
        "from clipferry.media import sandbox\nsandbox.set_limits(address_space=1 << 28, cpu_seconds=60)\n"
        "pile = []\nwhile 1: pile.append(bytearray(1 << 20))"
    )

    assert miss_reason(capsys, b"", command=hungry, timeout_seconds=60) == "crashed"


@pytest.mark.parametrize("end", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_worker_that_crashes_costs_the_thumbnail_only(
    capsys: pytest.CaptureFixture[str], end: signal.Signals
) -> None:
    crashing = python(
        f"import os, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.kill(os.getpid(), {int(end)})"
    )

    assert miss_reason(capsys, bytes(1 << 20), command=crashing) == "crashed"


def test_a_worker_that_writes_without_end_is_killed(capsys: pytest.CaptureFixture[str]) -> None:
    flooding = python("import os\nwhile 1: os.write(1, bytes(1 << 16))")

    assert miss_reason(capsys, b"", command=flooding) == "bad_answer"


def answering(answer: bytes) -> list[str]:
    return python(f"import os; os.write(1, {answer!r})")


def frame_header(*, width: int, height: int) -> bytes:
    return b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)


JPEG = b"\xff\xd8" + frame_header(width=640, height=360) + b"\xff\xd9"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"GIF89a",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xe0\0\x02" + bytes(40) + b"\xff\xd9",
        b"\xff\xd8" + frame_header(width=641, height=10) + b"\xff\xd9",
        b"\xff\xd8" + frame_header(width=640, height=2561) + b"\xff\xd9",
        b"\xff\xd8" + frame_header(width=0, height=10) + b"\xff\xd9",
        b"\xff\xd8" + frame_header(width=10, height=0) + b"\xff\xd9",
        JPEG[:-2],
    ],
    ids=[
        "nothing",
        "another format",
        "no frame",
        "no frame header",
        "too wide",
        "too high",
        "no width",
        "no height",
        "cut off",
    ],
)
def test_an_answer_that_is_no_valid_thumbnail_is_refused(capsys: pytest.CaptureFixture[str], answer: bytes) -> None:
    assert miss_reason(capsys, b"", command=answering(answer)) == "bad_answer"


def test_without_pyav_there_is_no_thumbnail(capsys: pytest.CaptureFixture[str], plain: bytes) -> None:
    without = python(
        "import sys; sys.modules['av'] = None\n"
        "from clipferry.media import thumbnail_worker; sys.exit(thumbnail_worker.main(*map(int, sys.argv[1:])))"
    )

    assert miss_reason(capsys, plain, command=without) == "no_decoder"


def test_a_worker_that_cannot_be_started_costs_the_thumbnail_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert miss_reason(capsys, b"", command=["/nowhere/python"]) == "not_started"


def test_the_worker_inherits_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STORAGE_SECRET_KEY", "DATABASE_URL", "AWS_SESSION_TOKEN", "HOME", "PYTHONSTARTUP"):
        monkeypatch.setenv(name, "hidden")
    seen = tmp_path / "seen.json"
    curious = python(f"import json, os; open({str(seen)!r}, 'w').write(json.dumps(dict(os.environ)))")

    make_thumbnail(b"", command=curious)

    environment = json.loads(seen.read_text())
    # Python sets the last but one, macOS the last.
    assert set(environment) <= {"PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "LC_CTYPE", "__CF_USER_TEXT_ENCODING"}
    assert "hidden" not in str(environment)


@pytest.mark.skipif(sys.platform != "linux", reason="the filter of system calls is Linux's")
def test_the_worker_is_sandboxed_before_it_decodes(plain: bytes) -> None:
    snoop = f"""
import os, sys, types
from clipferry.media import thumbnail_worker

def first_frame(film, **size):
    assert film
    try:
        bytearray(thumbnail_worker.ADDRESS_SPACE)
    except MemoryError:
        pass
    else:
        return b"no limit"
    try:
        open(f"/proc/{{os.getppid()}}/environ")
    except PermissionError:
        return {JPEG!r}

sys.modules["clipferry.media.first_frame"] = types.SimpleNamespace(first_frame=first_frame)
sys.exit(thumbnail_worker.main(*map(int, sys.argv[1:])))
"""

    assert make_thumbnail(plain, command=python(snoop)) is not None


PRCTL, PRLIMIT, PROCESS_VM_READV = (157, 167), (302, 261), (310, 270)
"""The numbers of these system calls on x86_64 and on aarch64."""


def worker_without(*calls: tuple[int, int]) -> list[str]:
    """The worker on a kernel that refuses some system calls, as AWS Lambda's refuses prctl."""
    return python(
        f"""
import ctypes, errno, platform, struct, sys
from clipferry.media import sandbox, thumbnail_worker

column = ("x86_64", "aarch64").index(platform.machine())
steps = [(0x20, 0, 0, 0)]
for numbers in {calls}:
    steps += [(0x15, 0, 1, numbers[column]), (0x06, 0, 0, 0x00050000 | errno.EPERM)]
steps.append((0x06, 0, 0, 0x7FFF0000))
libc = ctypes.CDLL(None)
sandbox._set_filter(libc, b"".join(struct.pack("=HBBI", *step) for step in steps))
assert libc.prctl(38, 1, 0, 0, 0) == -1
sys.exit(thumbnail_worker.main(*map(int, sys.argv[1:])))
"""
    )


on_known_architecture = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
    reason="the system calls' numbers are those of Linux on x86_64 and aarch64",
)


@on_known_architecture
def test_nothing_is_decoded_while_the_parent_process_can_be_read(
    plain: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    assert miss_reason(capsys, plain, command=worker_without(PRCTL, PRLIMIT)) == "not_sandboxed"


@on_known_architecture
def test_without_a_filter_the_limit_on_open_files_is_enough(plain: bytes) -> None:
    assert make_thumbnail(plain, command=worker_without(PRCTL, PROCESS_VM_READV)) is not None


def test_the_worker_inherits_no_open_file(tmp_path: Path) -> None:
    seen = tmp_path / "seen.json"
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        curious = python(
            f"import os\ntry: os.fstat({secret.fileno()}); found = 'open'\n"
            f"except OSError: found = 'closed'\nopen({str(seen)!r}, 'w').write(found)"
        )
        make_thumbnail(b"", command=curious)

    assert seen.read_text() == "closed"


def test_the_parent_process_never_imports_pyav(plain: bytes) -> None:
    code = (
        "import sys\nfrom clipferry.media.thumbnail import make_thumbnail\n"
        "assert make_thumbnail(sys.stdin.buffer.read())\nassert 'av' not in sys.modules\n"
    )

    subprocess.run(python(code), input=plain, check=True)


def test_an_answer_may_have_max_jpeg_bytes_and_not_one_more() -> None:
    most = JPEG[:-2] + bytes(MAX_JPEG_BYTES - len(JPEG)) + JPEG[-2:]
    assert len(most) == MAX_JPEG_BYTES
    echo = python("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())")

    assert make_thumbnail(most, command=echo) == most
    assert make_thumbnail(most[:-2] + b"\0\xff\xd9", command=echo) is None
