"""SnapStart: many environments start from one snapshot, some of them days later, and must not share what was in it.

Nothing connects or reads a secret while a function is imported, so a snapshot has neither; these hooks see to it that
this stays so whatever runs before it is taken. `os.urandom`, and `secrets` and `uuid4` over it, ask the kernel, which
is safe. Source: "Handling uniqueness with Lambda SnapStart" and "Lambda SnapStart runtime hooks" in AWS's Lambda guide.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final

INITIALIZATION: Final = "AWS_LAMBDA_INITIALIZATION_TYPE"


def guard(environ: Mapping[str, str], *, prepare: Callable[[], None], forget: Callable[[], None]) -> None:
    """Under SnapStart, `forget` closes and drops everything before the snapshot and again after each waking.

    `prepare` loads before it what all may share: who wakes up has it for nothing.
    The hooks' module is a part of Lambda's runtime and of nothing else; without SnapStart this costs one look-up.
    """
    if environ.get(INITIALIZATION) != "snap-start":
        return
    import snapshot_restore_py  # pyright: ignore[reportMissingImports]

    def before_snapshot() -> None:
        prepare()
        forget()

    def after_restore() -> None:
        import random
        import ssl

        forget()
        random.seed()
        # OpenSSL draws from a generator of its own, in the memory that all of them have woken up with.
        ssl.RAND_add(os.urandom(48), 48.0)

    snapshot_restore_py.register_before_snapshot(before_snapshot)
    snapshot_restore_py.register_after_restore(after_restore)
