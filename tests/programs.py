"""Programs that a page tells its reader to use, and that a machine with nothing but Python and make may not have."""

from __future__ import annotations

import os
import shutil

import pytest


def need(name: str) -> None:
    """Skips the test where the program isn't there; fails it where CI says that everything is."""
    if shutil.which(name):
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{name} is missing")
    pytest.skip(f"{name} isn't installed here")
