"""Makes local/providers/facts/PROVIDER.json from the provider's documentation, and notes where and when it was read.

python tools/provider_facts.py kie https://docs.kie.ai/market/wan/2-7-image-to-video.md …

Each argument is a page, by its URL or as a file: Markdown with an OpenAPI document in it, or the document alone. KIE
and Evolink offer each page of theirs like this, at its address with `.md` added. What the file had on other models
stays; so do `unverified`, `not_together`, `needs_one_of` and `never`, which people write.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parents[1] / "local/providers/facts"
_KEPT: Final = (
    *("type", "enum", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "format", "default"),
)
_WRITTEN_BY_PEOPLE: Final = ("unverified", "not_together", "needs_one_of", "never")
_OURS: Final = {"model", "callback_url", "callBackUrl", "input"}
"""Fields that the adapters add to every request: `every_model` has them where they stand beside the others."""

Facts = dict[str, dict[str, Any]]


def facts_of_page(text: str) -> dict[str, Facts]:
    """Returns the fields of each model that the page's OpenAPI document names. Raises ValueError without one."""
    fenced = re.search(r"^(`{3,})ya?ml[^\n]*\n(.*?)^\1\s*$", text, re.DOTALL | re.MULTILINE)
    document = yaml.safe_load(fenced[2] if fenced else text)
    if not isinstance(document, dict) or "paths" not in document:
        raise ValueError("there is no OpenAPI document on this page")
    post = next(iter(document["paths"].values()))["post"]
    body = _resolved(post["requestBody"]["content"]["application/json"]["schema"], document)
    model = _resolved(body["properties"]["model"], document)
    given = _resolved(body["properties"]["input"], document) if "input" in body["properties"] else body
    fields = {
        name: _field(_resolved(schema, document), is_required=name in given.get("required", ()))
        for name, schema in given["properties"].items()
        if name not in _OURS
    }
    return dict.fromkeys(model.get("enum") or [model["default"]], fields)


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Any = document
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def _field(schema: dict[str, Any], *, is_required: bool) -> dict[str, Any]:
    items = schema.get("items", {})
    kept = {key: schema[key] for key in _KEPT if key in schema}
    kept |= {"itemType": items["type"]} if "type" in items else {}
    kept |= {"format": "uri"} if items.get("format") == "uri" else {}
    return kept | ({"required": True} if is_required else {})


def merged(file: dict[str, Any], models: dict[str, Facts], *, page: str, read: str) -> dict[str, Any]:
    """Returns the file with the models of a page in it, in the place of what it had of them."""
    entries = dict(file["models"])
    for name, fields in models.items():
        by_people = {key: value for key, value in entries.get(name, {}).items() if key in _WRITTEN_BY_PEOPLE}
        entries[name] = {"page": page, "read": read, "fields": fields} | by_people
    return file | {"models": dict(sorted(entries.items()))}


def written(file: dict[str, Any]) -> str:
    """Returns the file's text: a line for each field, so that a change shows as one."""
    text = json.dumps(file, indent=1, ensure_ascii=False)
    return re.sub(r"\{\n {5,}[^{}]*?\}|\[[^][{}]*?\]", lambda found: " ".join(found[0].split()), text) + "\n"


def main() -> int:
    provider, *pages = sys.argv[1:]
    path = FOLDER / f"{provider}.json"
    file = json.loads(path.read_text(encoding="utf-8"))
    for page in pages:
        models = facts_of_page(_text(page))
        file = merged(file, models, page=page, read=datetime.now(UTC).date().isoformat())
        sys.stdout.write(f"{page}: {', '.join(models) if len(models) < 4 else f'{len(models)} models'}\n")
    path.write_text(written(file), encoding="utf-8")
    return 0


def _text(page: str) -> str:
    if not page.startswith("https://"):
        return Path(page).read_text(encoding="utf-8")
    with urllib.request.urlopen(page, timeout=30) as answer:  # noqa: S310 - https, by the check above
        return answer.read().decode("utf-8")


if __name__ == "__main__":
    sys.exit(main())
