"""A provider's word for a task's state, in any case, with the plain synonyms that its other models or versions use."""

from __future__ import annotations

from typing import Final

from clipferry.observability import logger
from clipferry.providers import parsing
from clipferry.verdicts import TaskState

_WORDS: Final = {
    TaskState.RUNNING: (
        "pending waiting queued queuing queueing in_queue submitted created accepted scheduled starting started"
        " preparing processing running generating rendering in_progress"
    ),
    TaskState.SUCCEEDED: "completed complete succeeded succeed success successful finished done",
    TaskState.FAILED: (
        "failed fail failure error errored cancelled canceled aborted rejected expired timeout timed_out terminated"
    ),
}
_STATES: Final = {word: state for state, words in _WORDS.items() for word in words.split()}


def read_state(word: object, *, provider: str) -> TaskState:
    """The state; UNKNOWN, with a line in the log, for a word that no provider documents."""
    name = word.strip().lower().replace(" ", "_").replace("-", "_") if isinstance(word, str) else ""
    state = _STATES.get(name, TaskState.UNKNOWN)
    if state is TaskState.UNKNOWN:
        logger.warning("unknown task status", provider=provider, task_status=parsing.join_text(word, limit=100))
    return state
