"""docs/walkthrough.md gathers what docs/deploy.md asks for: every value that belongs to an account, by its name."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
GATHERED = set(re.findall(r"\b([A-Z]+_[A-Z_]+|[A-Z][a-z]+[A-Z]\w+)\b", (DOCS / "walkthrough.md").read_text("utf-8")))
DEPLOY = (DOCS / "deploy.md").read_text("utf-8")


def test_every_value_of_the_secret_comes_from_a_screen() -> None:
    secret = set(re.findall(r'"([A-Z_]+)": "', DEPLOY))

    assert len(secret) > 8
    assert secret - GATHERED == {"KIE_WEBHOOK_HMAC_KEY", "REPLICATE_WEBHOOK_SECRET"}  # optional, of providers' settings


def test_every_parameter_that_is_yours_comes_from_a_screen() -> None:
    asked = set(re.findall(r'"([A-Z]\w+)=', DEPLOY.partition("```toml")[2].partition("```")[0]))

    assert len(asked) > 6
    assert asked - GATHERED == {"Stage", "Rollout", "LogRetentionDays"}  # not a value of anybody's account
