"""What a transfer is given and what it returns: configuration, options, result."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypedDict

from clipferry.s3.multipart import Progress
from clipferry.s3.retry import PAUSE_SECONDS
from clipferry.transfer.ordered_hash import Observe

PART_SIZE = 8 * 1024 * 1024
"""Bytes. R2 wants all parts but the last of one size (5 MiB to 5 GiB); a file of one part is a single PUT."""
SMALLEST_PART = 5 * 1024 * 1024
"""Bytes: S3's and R2's limit."""
LONGEST_SINGLE = 100_000_000
"""Bytes in one PUT, which can't be resumed."""
SINGLE_SECONDS = 0.25
"""What the requests of an upload in parts take longer: what one connection moves in this time goes in one PUT."""
WORKERS = 7
"""Eight are a tenth faster, and need more than 90 MB."""

OnProgress = Callable[[Progress | None], None]
"""Records what the next attempt can continue from, None for nothing; raises when another worker has the lease."""


class TransferConfig(NamedTuple):
    """`part_size` in bytes; `workers` at the most; `cpus` is `bottleneck.owned_cpus`.

    `stall_seconds` is for one step of 256 KiB, in or out: a peer that only drips counts as stopped.
    `content_md5` has the bucket check each part, which then waits for its last byte: 1.5 s of CPU for a GB.
    `single_seconds` 0 makes every file of more than one part an upload in parts.
    `pause_seconds` is the pause before the second try of anything; it doubles for each further one.
    """

    part_size: int = PART_SIZE
    workers: int = WORKERS
    cpus: float = 1.0
    single_seconds: float = SINGLE_SECONDS
    stall_seconds: float = 30.0
    pause_seconds: float = PAUSE_SECONDS
    content_md5: bool = False


class TransferOptions(TypedDict, total=False):
    """Options of one transfer."""

    content_type: str
    """The stored object's; `video/mp4` by default."""
    on_chunk: Observe | None
    """Gets every byte once, in order, from the last restart on."""
    progress: Progress | None
    """Where to continue: the last value that an interrupted transfer gave to `on_progress`."""
    on_progress: OnProgress | None
    deadline: float
    """Seconds for all of it; 15 minutes by default."""
    on_restart: Callable[[], None]
    """Called when the file is fetched again from its beginning: what `on_chunk` got is void then."""


class TransferResult(NamedTuple):
    """A file that is in the bucket, byte for byte as its source sent it. Sizes in bytes."""

    size: int
    sha256: str
    fetched: int
    """Bytes from the source: less than the size after an interruption, more after a failure."""
    workers: int


class StoredFile(NamedTuple):
    """A file that is in the bucket."""

    url: str
    key: str
    size: int
    """Bytes."""
    sha256: str
    """Lower-case hex."""
