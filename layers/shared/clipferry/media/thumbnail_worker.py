"""The process that decodes video: it reads an MP4 from stdin and writes the first frame to stdout, as a JPEG.

A video decoder is a million lines of C, and strangers choose its input. So it runs in a process of its own, without
secrets and with few rights, a new one for every video: `python -m clipferry.media.thumbnail_worker WIDTH HEIGHT`.
"""

from __future__ import annotations

import sys
from typing import Final

from clipferry.media import sandbox

NO_DECODER: Final = 3
"""Exit status: PyAV isn't installed."""
UNDECODABLE: Final = 4
"""Exit status: the video has no frame, or it can't be decoded."""
NOT_SANDBOXED: Final = 5
"""Exit status: the parent process could still be read, so nothing was decoded."""
ADDRESS_SPACE: Final = 512 * 1024 * 1024
"""Bytes, 120 MB of them PyAV's libraries. A 4K frame in HEVC with 10 bits takes 220 MB in all."""
CPU_SECONDS: Final = 10


def main(width: int, height: int) -> int:
    """Returns the exit status; `width` and `height` are the largest that the JPEG may have."""
    sandbox.set_limits(address_space=ADDRESS_SPACE, cpu_seconds=CPU_SECONDS)
    sandbox.prefer_oom_kill()
    try:
        from av.error import FFmpegError  # noqa: PLC0415

        from clipferry.media.first_frame import first_frame  # noqa: PLC0415
    except ImportError:
        return NO_DECODER
    film = sys.stdin.buffer.read()
    if not sandbox.install_seccomp_filter() and sys.platform == "linux":  # other systems are for development only
        return NOT_SANDBOXED
    try:
        jpeg = first_frame(film, width=width, height=height)
    except FFmpegError:
        return UNDECODABLE
    sys.stdout.buffer.write(jpeg or b"")
    return 0 if jpeg else UNDECODABLE


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
