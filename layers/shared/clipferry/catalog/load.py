"""Reads the catalogue from its TOML file, and refuses one that makes no sense."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final

from clipferry.catalog import check
from clipferry.catalog.bodies import body
from clipferry.catalog.limits import Limits
from clipferry.catalog.models import Catalog, Model, Offer, OfferMode, letters
from clipferry.catalog.prices import Cost, Price
from clipferry.catalog.read_limits import READERS, flag, frames, known, read_limits
from clipferry.catalog.templates import USUAL_INPUT
from clipferry.errors import ConfigurationError
from clipferry.models import Mode

SHIPPED: Final = Path(__file__).parents[1] / "models.toml"
_LIMITS: Final = set(READERS)
_MODEL: Final = {
    "id",
    "aliases",
    "name",
    "description",
    "descriptions",
    "retired",
    "modes",
    "accepts_image",
    "cost",
    "price",
    "offer",
}
_OFFER_MODE: Final = {"model", "input"}
_OFFER: Final = {"provider", "model", "image_model", "body", "input", "modes", "quality_names", "aspect_ratio_names"}
_NUMBERS: Final = {"base", "included_seconds", "per_extra_second"}
_COST: Final = _NUMBERS | {"quality_multipliers"}
_BROKEN: Final = (OSError, ValueError, OverflowError, KeyError, TypeError, AttributeError)


@cache
def load(path: Path = SHIPPED) -> Catalog:
    """Reads the catalogue in the TOML file `path`; raises ConfigurationError when it isn't valid."""
    try:
        with path.open("rb") as file:
            entries = tomllib.load(file)["model"]
        models = [_model(entry) for entry in entries]
        other_ids = [(entry["id"], alias) for entry in entries for alias in entry.get("aliases", ())]
    except _BROKEN as error:
        raise ConfigurationError(f"{path.name}: {_reason(error)}") from error
    if len({model.id for model in models}) != len(models):
        raise ConfigurationError(f"{path.name} has a model twice")
    if len({letters(alias) for _, alias in other_ids}) != len(other_ids):
        raise ConfigurationError(f"{path.name} has an alias twice")
    aliases = {letters(model.id): model.id for model in reversed(models)}
    return Catalog(
        {model.id: model for model in models}, {letters(alias): model for model, alias in other_ids} | aliases
    )


def _model(entry: dict[str, Any]) -> Model:
    try:
        known(entry, _MODEL | _LIMITS)
        modes = {
            mode: Limits(**{**frames(mode), **read_limits({"durations": [], **entry, **own}, mode)})
            for mode, own in _modes(entry, short="accepts_image").items()
        }
        for own in _modes(entry, short="accepts_image").values():
            known(own, _LIMITS)
        model = Model(
            id=entry["id"],
            name=entry["name"],
            description=entry.get("description", ""),
            descriptions=entry.get("descriptions", {}),
            modes=modes,
            cost=_cost(entry["cost"]),
            prices=tuple(_price(price) for price in entry.get("price", ())),
            offers=tuple(_offer(offer, modes) for offer in entry.get("offer", ())),
            retired=entry.get("retired", False),
        )
        check.check(model)
    except _BROKEN as error:
        raise ConfigurationError(f"model {entry.get('id')}: {_reason(error)}") from error
    return model


def _reason(error: Exception) -> str:
    """Returns what is wrong in the file, in words for whoever wrote it."""
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"


def _modes(table: dict[str, Any], *, short: str) -> dict[Mode, dict[str, Any]]:
    """Returns each mode with its own table. `modes` is a table of tables, or a list where nothing differs by mode.

    Without it a model is made from text, and from a first frame if it says so in short (`accepts_image = true`).
    """
    given = table.get("modes", [Mode.TEXT, *([Mode.FIRST_FRAME] if table.get(short) else [])])
    return {Mode(mode): given[mode] if isinstance(given, dict) else {} for mode in given}


def _offer(table: dict[str, Any], modes: dict[Mode, Limits]) -> Offer:
    table = _spelled_out(table)
    known(table, _OFFER | _LIMITS)
    provider = table["provider"]
    given = _modes(table, short="image_model") if "modes" in table else {mode: {} for mode in modes}
    offered = {}
    for mode, own in given.items():
        known(own, _OFFER_MODE | _LIMITS)
        if mode not in modes:
            raise ValueError(f"{provider} offers the mode {mode.value}, which the model doesn't have")
        offered[mode] = _offer_mode(table, own, mode, modes[mode])
    return Offer(
        provider=provider,
        modes=offered,
        quality_names=table.get("quality_names", {}),
        aspect_ratio_names=table.get("aspect_ratio_names", {}),
        body=table.get("body"),
    )


def _offer_mode(table: dict[str, Any], own: dict[str, Any], mode: Mode, limits: Limits) -> OfferMode:
    """Builds one mode: what stands under it goes before what the offer says for all its modes."""
    usual = body(table["body"], mode) if "body" in table else {}
    has_input = "input" in table or "input" in own or "body" in table
    given = {**usual, **table.get("input", {}), **own.get("input", {})}
    sent = given if has_input else USUAL_INPUT.get(table["provider"], {})
    name = table.get("image_model") if mode is Mode.FIRST_FRAME else None
    narrowed = limits.narrowed_by(read_limits({**table, **own}, mode))
    return OfferMode(
        model=own.get("model") or name or table["model"],
        limits=check.what_is_sent(narrowed, sent, mode=mode, provider=table["provider"]),
        input=sent,
    )


def _spelled_out(table: dict[str, Any]) -> dict[str, Any]:
    """Reads `qualities = { standard = "720p" }`, the short form of `quality_names`."""
    names = table.get("qualities")
    if not isinstance(names, dict):
        return table
    return {key: value for key, value in table.items() if key != "qualities"} | {"quality_names": names}


def _cost(table: dict[str, Any]) -> Cost:
    known(table, _COST)
    if wrong := [key for key in _NUMBERS & table.keys() if not _is_number(table[key])]:
        raise ValueError(f"{', '.join(sorted(wrong))} must be a number")
    return Cost(**{"base": table["base"], "quality_multipliers": {}, **table})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _price(table: dict[str, Any]) -> Price:
    cost = {key: value for key, value in table.items() if key not in ("modes", "qualities", "audio")}
    modes, qualities = table.get("modes"), table.get("qualities")
    return Price(
        cost=_cost(cost),
        modes=None if modes is None else tuple(map(Mode, modes)),
        qualities=None if qualities is None else tuple(qualities),
        audio=flag(table["audio"]) if "audio" in table else None,
    )
