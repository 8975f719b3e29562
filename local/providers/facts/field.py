"""One field of a request, as a provider's documentation describes it: the words are those of JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from local.providers import callback_urls

_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_NAMES: Final = {"integer": "an integer", "array": "a list", "object": "an object"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """`least` and `most` are a number's limits, a text's length in characters, or a list's in items."""

    type: str
    required: bool = False
    choices: tuple[Any, ...] = ()
    least: float | None = None
    most: float | None = None
    is_url: bool = False
    items: str | None = None
    default: Any = None

    @staticmethod
    def read(name: str, facts: dict[str, Any]) -> Field:
        """Reads the facts of a field. One whose name ends in url or urls holds such, whether that is said or not."""
        lower = [facts[key] for key in ("minimum", "minLength", "minItems") if key in facts]
        upper = [facts[key] for key in ("maximum", "maxLength", "maxItems") if key in facts]
        return Field(
            type=facts["type"],
            required=facts.get("required", False),
            choices=tuple(facts.get("enum", ())),
            least=lower[0] if lower else None,
            most=upper[0] if upper else None,
            is_url=facts.get("format") == "uri" or name.lower().endswith(("url", "urls")),
            items=facts.get("itemType"),
            default=facts.get("default"),
        )

    def problem(self, value: object, *, is_given: bool) -> str | None:
        """Says what is wrong with a value, in words that follow the field's name; None when nothing is."""
        if not is_given:
            return "is required" if self.required else None
        if type(value) not in _TYPES[self.type]:  # a bool is an int, too
            return f"must be {_NAMES.get(self.type, f'a {self.type}')}"
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(map(str, self.choices))}"
        return self._size_problem(value) or self._content_problem(value)

    def _size_problem(self, value: Any) -> str | None:
        size = len(value) if isinstance(value, str | list) else value if isinstance(value, int | float) else 0
        unit = {"string": " characters", "array": " items"}.get(self.type, "")
        if self.least is not None and size < self.least:
            return f"must have at least {self.least}{unit}" if unit else f"must be at least {self.least}"
        if self.most is not None and size > self.most:
            return f"must have at most {self.most}{unit}" if unit else f"must be at most {self.most}"
        return None

    def _content_problem(self, value: Any) -> str | None:
        if self.type == "string" and self.required and not value.strip():
            return "is required, as a string"
        if self.items and any(type(item) not in _TYPES[self.items] for item in value):
            return f"must be a list of {self.items}s"
        urls = value if isinstance(value, list) else [value]
        if self.is_url and not all(map(callback_urls.is_url, urls)):
            return "must be a list of HTTP URLs" if self.type == "array" else "must be an HTTP URL"
        return None
