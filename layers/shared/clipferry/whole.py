"""A file of one part: it goes in a single PUT."""

from __future__ import annotations

from clipferry.errors import StorageError
from clipferry.ordered import OrderedDigest, Part
from clipferry.remote_file import RangeReader
from clipferry.site import STEP, Site, content_md5, read_step, send_part, whole_md5


class Whole:
    """`part` is the file; what was read of it stays in memory for a second try."""

    def __init__(self, site: Site, part: Part, reader: RangeReader, digest: OrderedDigest) -> None:
        self._site = site
        self._reader = reader
        self._digest = digest
        self.part = part

    def fill(self, size: int = STEP) -> memoryview:
        """Reads and hashes the next bytes."""
        return read_step(self.part, self._reader, size, self._digest)

    def send(self, headers: dict[str, str]) -> str:
        """The ETag; raises BucketRefusedError (412) when a condition among `headers` doesn't hold."""
        return self._site.retries.persist(lambda: self._attempt(headers), (StorageError,))

    def md5(self) -> bytes:
        return whole_md5(self.part, self.fill)

    def _attempt(self, headers: dict[str, str]) -> str:
        site, part = self._site, self.part
        checked = content_md5(part, self.fill) if site.content_md5 else {}
        deadline = site.retries.deadline
        with site.bucket.put(site.key, part.length, deadline=deadline, headers=headers | checked) as sending:
            send_part(part, sending, self.fill)
            return sending.finish()
