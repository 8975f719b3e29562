"""A table that turns HDR colours (BT.2020 with PQ or HLG) into those of a JPEG: sRGB, BT.709 primaries.

The wheel's libav has no zscale, and its swscale cuts off all that is brighter than white, in seconds of CPU. So the
colours are mapped by `haldclut`, a filter that looks them up in a picture.

Sources: ITU-R BT.2100 for PQ and HLG, BT.2408 for the level of white, BT.2087 for the primaries; IEC 61966-2-1 for
sRGB.
"""

from __future__ import annotations

import math
import struct
from typing import Final

PQ: Final = 16
"""AVCOL_TRC_SMPTE2084"""
HLG: Final = 18
"""AVCOL_TRC_ARIB_STD_B67"""
LEVEL: Final = 5
"""A picture of LEVEL³ by LEVEL³ pixels holds LEVEL² steps of each colour."""
_STEPS: Final = LEVEL**2
_WHITE: Final = 203.0  # cd/m²: what a page's white is as bright as
_BRIGHTEST: Final = 1000.0 / _WHITE
_KNEE: Final = 0.3
"""Up to here, as a share of white, brightness stays as it is; from here to the brightest it is compressed."""
_TO_709: Final = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))

Colour = tuple[float, float, float]


def colour_table(transfer: int) -> bytes:
    """Returns the picture's pixels for PQ or HLG, as rgb48le: red runs fastest, then green, then blue."""
    linear = [(_pq_light if transfer == PQ else _hlg_light)(step / (_STEPS - 1)) for step in range(_STEPS)]
    colours = [(red, green, blue) for blue in linear for green in linear for red in linear]
    if transfer == HLG:
        colours = [_display_light(scene) for scene in colours]
    values = [value for colour in colours for value in _mapped(colour)]
    return struct.pack(f"<{len(values)}H", *values)


def _pq_light(signal: float) -> float:
    """The light that a screen shows, 1 is white."""
    power = signal ** (1 / 78.84375)
    return (max(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125) * 10_000 / _WHITE


def _hlg_light(signal: float) -> float:
    """The light that the camera saw, from 0 to 1."""
    return signal**2 / 3 if signal <= 0.5 else (math.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12


def _display_light(scene: Colour) -> Colour:
    """What a screen of 1,000 cd/m² makes of the camera's light: brightness goes up with the power of 1.2."""
    red, green, blue = scene
    gain = _BRIGHTEST * (0.2627 * red + 0.678 * green + 0.0593 * blue) ** 0.2
    return red * gain, green * gain, blue * gain


def _mapped(light: Colour) -> list[int]:
    narrow = [max(sum(share * part for share, part in zip(row, light, strict=True)), 0.0) for row in _TO_709]
    brightest = max(narrow)
    scale = _compressed(brightest) / brightest if brightest else 0.0  # the same for all three keeps the hue
    return [round(65535 * _srgb(scale * part)) for part in narrow]


def _compressed(light: float) -> float:
    """The Möbius curve: a straight line up to the knee, and a hyperbola on to 1."""
    if light <= _KNEE:
        return light
    a = -(_KNEE**2) * (_BRIGHTEST - 1) / (_KNEE**2 - 2 * _KNEE + _BRIGHTEST)
    b = (_KNEE**2 - 2 * _KNEE * _BRIGHTEST + _BRIGHTEST) / (_BRIGHTEST - 1)
    return min((b + _KNEE) ** 2 / (b - a) * (light + a) / (light + b), 1.0)


def _srgb(light: float) -> float:
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
