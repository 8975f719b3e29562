"""SnapStart: many environments start from one snapshot, so it must hold no secret and no connection.

Nothing connects or reads a secret while a function is imported, so a snapshot has neither; these hooks make
sure of it, whatever runs before the snapshot. `os.urandom`, and `secrets` and `uuid4` over it, ask the kernel, which
is safe. Source: "Handling uniqueness with Lambda SnapStart" and "Lambda SnapStart runtime hooks" in AWS's Lambda guide.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final

INITIALIZATION: Final = "AWS_LAMBDA_INITIALIZATION_TYPE"


def guard(environ: Mapping[str, str], *, prepare: Callable[[], None], forget: Callable[[], None]) -> None:
    """Registers the hooks under SnapStart; without it, does nothing.

    `forget` closes and drops everything before the snapshot and again after each restore. `prepare` runs first, and
    loads what every restored environment may share. The hooks' module exists in Lambda's runtime only.
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
        # OpenSSL draws from a generator of its own, in memory that all restored environments share.
        ssl.RAND_add(os.urandom(48), 48.0)

    snapshot_restore_py.register_before_snapshot(before_snapshot)
    snapshot_restore_py.register_after_restore(after_restore)
