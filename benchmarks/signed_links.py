"""The CPU that a list of 20 rows costs more when the bucket is private: 40 addresses are signed.

`python -m benchmarks.signed_links` prints the median of 200 lists, each signed anew.
"""

from __future__ import annotations

import platform
import statistics
import time
from datetime import UTC, datetime
from typing import Final

from clipferry.aws.sigv4 import Credentials
from clipferry.files.links import FileLinks
from clipferry.models import Video, VideoStatus

ROWS: Final = 20
ROUNDS: Final = 200
_DOMAIN: Final = "https://cdn.example.com"


def main() -> None:
    links = FileLinks(
        endpoint="https://0123456789abcdef.r2.cloudflarestorage.com",
        region="auto",
        bucket="films",
        public_domain=_DOMAIN,
        credentials=Credentials(access_key="a" * 32, secret_key="s" * 64),
        is_private=True,
    )
    videos = [_video(number) for number in range(ROWS)]
    found = [_measure(links, videos) for _ in range(ROUNDS)]
    print(f"Python {platform.python_version()}, {platform.machine()}; {ROUNDS} lists of {ROWS} rows")
    print(f"signing both addresses of each: median {statistics.median(found):.2f} ms, most {max(found):.2f} ms of CPU")


def _measure(links: FileLinks, videos: list[Video]) -> float:
    before = time.process_time()
    for video in videos:
        links.readable(video)
    return (time.process_time() - before) * 1000


def _video(number: int) -> Video:
    uuid, now = f"vid_V1StGXR8Z5jdHi6BmyT{number}", datetime.now(UTC)
    return Video(
        id=number,
        uuid=uuid,
        user_id="xQ3vT8mKpL0sWz5a",
        prompt="A ferry at dawn",
        model="seedance-2.0",
        parameters={},
        status=VideoStatus.COMPLETED,
        provider="evolink",
        external_task_id=None,
        error_message=None,
        start_image_url=None,
        original_video_url=None,
        video_url=f"{_DOMAIN}/videos/{uuid}.mp4",
        thumbnail_url=f"{_DOMAIN}/videos/{uuid}.jpg",
        duration=5,
        resolution="720p",
        aspect_ratio="16:9",
        file_size=1,
        credits_used=15,
        created_at=now,
        updated_at=now,
        completed_at=now,
        generation_time=60,
        is_deleted=False,
    )


if __name__ == "__main__":
    main()
