"""The process that looks at a film: an MP4 comes in on stdin, its first picture goes out on stdout, as a JPEG.

What decodes films is a million lines of C, and strangers feed it. So it runs here, with nothing to steal and little to
break, and is begun anew for every film: `python -m clipferry.thumbnail_child WIDTH HEIGHT`.
"""

from __future__ import annotations

import sys
from typing import Final

from clipferry.media import sandbox

NO_DECODER: Final = 3
"""Exit status: PyAV isn't installed."""
NO_PICTURE: Final = 4
"""Exit status: there is none in the film, or it doesn't decode."""
UNCONFINED: Final = 5
"""Exit status: the parent is still in reach, so nothing was decoded."""
ADDRESS_SPACE: Final = 512 * 1024 * 1024
"""Bytes, 120 MB of them PyAV's libraries. A 4K picture in HEVC with 10 bits takes 220 MB in all."""
CPU_SECONDS: Final = 10


def main(width: int, height: int) -> int:
    sandbox.limit(address_space=ADDRESS_SPACE, cpu_seconds=CPU_SECONDS)
    sandbox.prefer_oom_kill()
    try:
        from av.error import FFmpegError  # noqa: PLC0415

        from clipferry.media.first_frame import first_picture  # noqa: PLC0415
    except ImportError:
        return NO_DECODER
    film = sys.stdin.buffer.read()
    if not sandbox.install_seccomp_filter() and sys.platform == "linux":  # elsewhere is development
        return UNCONFINED
    try:
        jpeg = first_picture(film, width=width, height=height)
    except FFmpegError:
        return NO_PICTURE
    sys.stdout.buffer.write(jpeg or b"")
    return 0 if jpeg else NO_PICTURE


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
