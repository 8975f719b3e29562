"""The models that users may ask for: what each takes, what it costs, and which providers offer it."""

from clipferry.catalog.limits import NONE, Audio, Fault, Limits, Range, VideoOptions, fault
from clipferry.catalog.load import SHIPPED, load
from clipferry.catalog.models import Catalog, Model, Offer, OfferMode, ResolvedOptions
from clipferry.catalog.prices import Cost, Price

__all__ = [
    "NONE",
    "SHIPPED",
    "Audio",
    "Catalog",
    "Cost",
    "Fault",
    "Limits",
    "Model",
    "Offer",
    "OfferMode",
    "Price",
    "Range",
    "ResolvedOptions",
    "VideoOptions",
    "fault",
    "load",
]
