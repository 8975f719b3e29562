"""A folder with a fake provider's unfinished tasks, so that a video that is being generated outlives a restart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from local.providers.task_queue import FilmOrder, Task

_KEPT: Final = ("id", "model", "order", "body", "callback_url", "created")


class TaskMemory:
    """One file for each task: what was ordered and whom to call. Its faults aren't kept: afterwards it goes well."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, task: Task) -> None:
        facts = {name: getattr(task, name) for name in _KEPT}
        new = self._file(task).with_suffix(".new")
        new.write_text(json.dumps(facts, default=asdict))
        new.replace(self._file(task))

    def forget(self, task: Task) -> None:
        self._file(task).unlink(missing_ok=True)

    def load(self, *, takes: float) -> Iterator[Task]:
        """Yields the tasks, as if each had been ordered now; `takes` is in seconds."""
        for file in sorted(self._folder.glob("*.json")):
            with suppress(ValueError, KeyError, TypeError):
                facts = json.loads(file.read_text())
                yield Task(**{**facts, "order": FilmOrder(**facts["order"])}, takes=takes)

    def _file(self, task: Task) -> Path:
        return self._folder / f"{task.id}.json"
