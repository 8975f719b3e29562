"""The cost of a thumbnail: made in a worker process, as mirror_video does, beside PyAV in the calling process.

`python -m benchmarks.thumbnail` prints medians; each measurement is a new process, and the ways are measured in turns.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

SIZES: Final = {"720p": (1280, 720), "1080p": (1920, 1080)}
MAKE: Final = "make"
WAYS: Final = ("worker process", "PyAV in this process", "the same, already imported")
PEAK_UNIT: Final = 1024 if sys.platform == "linux" else 1
"""The unit of ru_maxrss in bytes. A child's value is never below its parent's, so the parent has to stay small."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.thumbnail", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each way and video")
    parser.add_argument("--one", nargs=2, metavar=("WAY", "FILM"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        way, film = arguments.one
        print(json.dumps(_make_clip(Path(film)) if way == MAKE else _measure(way, Path(film))))
        return
    print(f"Python {platform.python_version()}, {platform.machine()}; medians of {arguments.rounds}\n")
    print("| video | clip | way | wall ms | CPU ms | peak MB of the process that decodes |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for film in (Path(folder, name) for name in SIZES):
            _in_new_process(MAKE, film)
            for line in _compare(film, arguments.rounds):
                print(line, flush=True)


def _compare(clip: Path, rounds: int) -> list[str]:
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            found[way].append(_in_new_process(way, clip))
    return [_line(clip, way, of_way) for way, of_way in found.items()]


def _line(clip: Path, way: str, found: list[dict[str, float]]) -> str:
    medians = [f"{statistics.median(one[what] for one in found):.0f}" for what in ("wall", "cpu", "peak")]
    return f"| {' | '.join([clip.name, f'{clip.stat().st_size / 1e6:.1f} MB', way, *medians])} |"


def _in_new_process(way: str, clip: Path) -> Any:
    command = [sys.executable, "-m", "benchmarks.thumbnail", "--one", way, str(clip)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.splitlines()[-1])


def _measure(way: str, path: Path) -> dict[str, float]:
    """Returns milliseconds of wall and CPU time, and the peak of memory in megabytes."""
    clip = path.read_bytes()
    whose = resource.RUSAGE_CHILDREN if way == WAYS[0] else resource.RUSAGE_SELF
    if way == WAYS[0]:
        from clipferry.media.thumbnail import make_thumbnail
    else:
        make_thumbnail = _thumbnail_in_process
    if way == WAYS[2]:
        make_thumbnail(clip)
    cpu, wall = _cpu(), time.perf_counter()
    assert make_thumbnail(clip) is not None
    wall, cpu = time.perf_counter() - wall, _cpu() - cpu
    return {"wall": wall * 1e3, "cpu": cpu * 1e3, "peak": resource.getrusage(whose).ru_maxrss * PEAK_UNIT / 1e6}


def _cpu() -> float:
    return sum(sum(resource.getrusage(whose)[:2]) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _thumbnail_in_process(clip: bytes) -> bytes:
    """Makes a thumbnail as PyAV's manual suggests."""
    import av

    with av.open(io.BytesIO(clip), "r") as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        picture = next(container.decode(stream))
        small = picture.reformat(width=640, height=picture.height * 640 // picture.width, format="yuvj420p")
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = small.width, small.height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    return b"".join(map(bytes, encoder.encode(small) + encoder.encode(None)))


def _make_clip(path: Path) -> int:
    """Writes the leading clip of an H.264 video whose `moov` is at the end, with frames of soft, moving noise."""
    size = SIZES[path.name]
    import av
    from PIL import Image

    from clipferry.media.mp4_scanner import MediaScanner

    cloud = Image.effect_noise((size[0] // 2, size[1] // 2), 90).convert("RGB")
    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(48):
            frame = av.VideoFrame.from_image(cloud.rotate(number / 4).resize(size, Image.Resampling.BICUBIC))
            frame.pts, frame.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    scanner = MediaScanner()
    scanner.feed(path.read_bytes())
    return path.write_bytes(scanner.leading_clip() or b"")


if __name__ == "__main__":
    main()
