"""What each provider's documentation says of its video models: the fields of a request, and what each may be.

The facts are JSON files here, one for each provider, made by `tools/provider_facts.py`, which notes where and when it
read them. The fakes refuse what the facts refuse, and `make catalog-check` compares models.toml with them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from local.providers.facts.field import Field

FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """`page` and `read` say where and when; `unverified` is what nobody could check on that page."""

    fields: dict[str, Field]
    page: str | None
    read: str
    unverified: tuple[str, ...]
    not_together: tuple[frozenset[str], ...]
    """Fields that exclude each other."""
    needs_one_of: tuple[str, ...]
    """Fields of which a request has at least one."""
    never: tuple[dict[str, Any], ...]
    """Values that can't stand together, each of which would do alone."""

    def problems(self, given: dict[str, Any]) -> dict[str, str]:
        """Returns what is wrong with a request's fields, by field; empty when the documentation allows them."""
        found = {
            name: f"{name} {problem}"
            for name, field in self.fields.items()
            if (problem := field.problem(given.get(name), is_given=name in given))
        }
        unknown = sorted(given.keys() - self.fields.keys())
        return self._problems_together(given) | found | {name: f"{name} is not a parameter of it" for name in unknown}

    def _problems_together(self, given: dict[str, Any]) -> dict[str, str]:
        found = {}
        for names in self.not_together:
            if len(both := sorted(names & given.keys())) > 1:
                found[both[0]] = f"{' and '.join(both)} exclude each other"
        for values in self.never:
            if all(name in given and given[name] == value for name, value in values.items()):
                found[next(iter(values))] = (
                    f"{' and '.join(f'{name} {value}' for name, value in values.items())} exclude each other"
                )
        if self.needs_one_of and not any(given.get(name) for name in self.needs_one_of):
            found[self.needs_one_of[0]] = f"{' or '.join(self.needs_one_of)} is required"
        return found


@cache
def load(provider: str) -> dict[str, ModelFacts]:
    """Reads a provider's facts: each of its models by the provider's name for it."""
    file = json.loads((FOLDER / f"{provider}.json").read_text(encoding="utf-8"))
    return {name: _model(entry, file) for name, entry in file["models"].items()}


def _model(entry: dict[str, Any], file: dict[str, Any]) -> ModelFacts:
    return ModelFacts(
        fields={name: Field.read(name, facts) for name, facts in (file["every_model"] | entry["fields"]).items()},
        page=entry.get("page"),
        read=entry.get("read", file["read"]),
        unverified=tuple(entry.get("unverified", ())),
        not_together=tuple(map(frozenset, entry.get("not_together", ()))),
        needs_one_of=tuple(entry.get("needs_one_of", ())),
        never=tuple(entry.get("never", ())),
    )
