"""An object of a bucket, and a folder that keeps objects: one file of bytes and one of facts for each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote
from uuid import uuid4

_LONGEST_NAME: Final = 80
"""Characters of a key's last part that its file's name has; file systems take 255 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    size: int
    etag: str
    kept: bytes | Path | None
    """Its bytes, or the file that holds them."""
    headers: Mapping[str, str]
    """What it is served with; the names are lower-case."""
    sha256: str | None
    """None for an object of parts in a bucket that throws bodies away."""
    modified: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def content(self) -> bytes | None:
        """None when the bucket throws bodies away."""
        return self.kept.read_bytes() if isinstance(self.kept, Path) else self.kept


class KeptObjects:
    """`objects/` has the bytes, under names that a person can tell apart, `facts/` what each of these files is.

    The file of facts is written last, and replaced whole: a crash leaves the object as it was before.
    """

    def __init__(self, folder: Path) -> None:
        self._objects, self._facts = folder / "objects", folder / "facts"
        for each in (self._objects, self._facts):
            each.mkdir(parents=True, exist_ok=True)

    def load(self) -> dict[str, Object]:
        """Returns the objects by key, and deletes files that belong to none."""
        found: dict[str, Object] = {}
        for facts in self._facts.glob("*.json"):
            with suppress(OSError, ValueError, KeyError):
                key, stored = self._read(facts)
                found[key] = stored
        known = {stored.kept for stored in found.values()}
        for file in self._objects.iterdir():
            if file not in known:
                file.unlink()
        return found

    def save(self, key: str, stored: Object) -> Object:
        content = stored.content
        if content is None:
            return stored
        before = self._file(key)
        file = self._objects / f"{uuid4().hex[:12]}-{quote(key.rpartition('/')[2], safe='')[-_LONGEST_NAME:]}"
        file.write_bytes(content)
        facts = {
            "key": key,
            "file": file.name,
            "size": stored.size,
            "etag": stored.etag,
            "headers": dict(stored.headers),
            "sha256": stored.sha256,
            "modified": stored.modified.isoformat(),
        }
        new = self._facts / f"{uuid4().hex}.new"
        new.write_text(json.dumps(facts))
        new.replace(self._facts_of(key))
        if before is not None:
            before.unlink(missing_ok=True)
        return replace(stored, kept=file)

    def delete(self, key: str) -> None:
        file = self._file(key)
        self._facts_of(key).unlink(missing_ok=True)
        if file is not None:
            file.unlink(missing_ok=True)

    def _facts_of(self, key: str) -> Path:
        return self._facts / f"{hashlib.sha256(key.encode()).hexdigest()}.json"

    def _file(self, key: str) -> Path | None:
        with suppress(OSError, ValueError, KeyError):
            return self._objects / json.loads(self._facts_of(key).read_text())["file"]
        return None

    def _read(self, facts: Path) -> tuple[str, Object]:
        found = json.loads(facts.read_text())
        file = self._objects / found["file"]
        if file.stat().st_size != found["size"]:
            raise ValueError(f"{file} isn't whole")
        return found["key"], Object(
            size=found["size"],
            etag=found["etag"],
            kept=file,
            headers=found["headers"],
            sha256=found["sha256"],
            modified=datetime.fromisoformat(found["modified"]),
        )
