"""The pictures of a film: a ferry that crosses the bay while the prompt hangs in the evening sky."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

from PIL import Image, ImageDraw, ImageFont, ImageOps

from local.film.text import Font, font_for, legible

Color = tuple[int, int, int]

SKY: tuple[Color, Color, Color] = ((24, 36, 84), (255, 178, 122), (122, 84, 140))
SEA: tuple[Color, Color] = ((92, 112, 164), (58, 84, 140))
DEPTHS: tuple[Color, Color] = ((38, 62, 114), (12, 26, 56))
WAVES: tuple[Color, Color] = ((58, 84, 140), DEPTHS[0])
FOAM = (236, 240, 250)
HORIZON = 0.62
"""The end of the sky, as a share of the height."""
SMALLEST_TEXT = 4
"""Hundredths of the shorter side, as all sizes here."""


class Scene:
    """One background, drawn once; each picture adds the ferry, the waves, the bar and the clock."""

    def __init__(self, *, prompt: str, width: int, height: int, seconds: int) -> None:
        """Sizes in pixels. Characters that no font here has are left out."""
        self._width, self._height, self._seconds = width, height, seconds
        self._unit = min(width, height) / 100
        self._clock_font = ImageFont.load_default(size=4 * self._unit)
        self._background = self._draw_background(prompt)
        self._ferry = _draw_ferry(round(26 * self._unit))
        self._waves = [_draw_wave(width, round(8 * self._unit), color) for color in WAVES]

    def picture(self, *, at: float) -> Image.Image:
        """The RGB picture `at` seconds from the start."""
        picture = self._background.copy()
        waterline = self._height * HORIZON + 8 * self._unit
        self._paste_wave(picture, self._waves[0], at * -6, waterline - 3.5 * self._unit)
        travelled = at / self._seconds * (self._width - self._ferry.width)
        bob = math.sin(at * 2.4) * 0.6 * self._unit
        picture.paste(self._ferry, (round(travelled), round(waterline - self._ferry.height + bob)), self._ferry)
        self._paste_wave(picture, self._waves[1], at * 9, waterline - 2.5 * self._unit)
        self._draw_clock(ImageDraw.Draw(picture), at)
        return picture

    def _paste_wave(self, picture: Image.Image, wave: Image.Image, shift: float, top: float) -> None:
        """A wave is one wavelength wider than the picture, so that it can roll on for ever."""
        offset = (shift * self._unit) % (wave.width - self._width)
        picture.paste(wave, (round(-offset), round(top)), wave)

    def _draw_clock(self, draw: ImageDraw.ImageDraw, at: float) -> None:
        margin, bottom = 6 * self._unit, self._height - 6 * self._unit
        end = self._width - margin
        reached = margin + (end - margin) * at / self._seconds
        draw.line((margin, bottom, end, bottom), fill=WAVES[0], width=round(1.2 * self._unit))
        draw.line((margin, bottom, reached, bottom), fill=FOAM, width=round(1.2 * self._unit))
        text = f"{at:05.2f} s of {self._seconds} s"
        draw.text((margin, bottom - 2 * self._unit), text, font=self._clock_font, fill=FOAM, anchor="ls")

    def _draw_background(self, prompt: str) -> Image.Image:
        horizon, depths = round(self._height * HORIZON), round(self._height * HORIZON + 13 * self._unit)
        picture = Image.new("RGB", (self._width, self._height))
        draw = ImageDraw.Draw(picture)
        picture.paste(self._ramp(horizon, *SKY), (0, 0))
        draw.circle((self._width * 0.7, horizon), 11 * self._unit, fill=(255, 214, 160))
        picture.paste(self._ramp(depths - horizon, *SEA), (0, horizon))
        picture.paste(self._ramp(self._height - depths, *DEPTHS), (0, depths))
        self._write_prompt(draw, prompt)
        return picture

    def _ramp(self, height: int, top: Color, bottom: Color, middle: Color | None = None) -> Image.Image:
        return ImageOps.colorize(Image.linear_gradient("L").resize((self._width, height)), top, bottom, middle)

    def _write_prompt(self, draw: ImageDraw.ImageDraw, prompt: str) -> None:
        font, lines = self._fit(prompt, size=7)
        place, spacing = (self._width / 2, 6 * self._unit), 2 * self._unit
        text = "\n".join(lines)
        draw.multiline_text(place, text, font=font, fill=FOAM, anchor="ma", align="center", spacing=spacing)

    def _fit(self, prompt: str, *, size: int) -> tuple[Font, list[str]]:
        """The prompt in the largest size that leaves room for the sun; at the smallest, as much as fits."""
        font = font_for(prompt, size=size * self._unit)
        lines = list(wrap(legible(prompt, font), font=font, width=self._width - 12 * self._unit))
        fitting = max(1, int((self._height * HORIZON - 22 * self._unit) / (size * 1.35 * self._unit)))
        if len(lines) <= fitting:
            return font, lines
        if size > SMALLEST_TEXT:
            return self._fit(prompt, size=size - 1)
        return font, [*lines[: fitting - 1], f"{lines[fitting - 1]} …"]


def wrap(text: str, *, font: Font, width: float) -> Iterator[str]:
    """Lines of `text` of at most `width` pixels, broken between words, or inside one longer than a line."""
    advance = cache(font.getlength)
    line, used = "", 0.0
    for word in "".join(letter if letter.isprintable() else " " for letter in text).split():
        needed = sum(advance(letter) for letter in f" {word}")
        if line and used + needed > width:
            yield line
            line, used = "", 0.0
        for letter in f" {word}" if line else word:
            if line and used + advance(letter) > width:
                yield line
                line, used = "", 0.0
            line, used = line + letter, used + advance(letter)
    if line:
        yield line


def _draw_ferry(width: int) -> Image.Image:
    """Drawn four times too large and then reduced, which smooths its edges."""
    grid = width * 4 / 100
    ferry = Image.new("RGBA", (width * 4, round(grid * 52)))
    draw = ImageDraw.Draw(ferry)

    def shape(*corners: tuple[float, float], fill: Color) -> None:
        draw.polygon([(x * grid, y * grid) for x, y in corners], fill=fill)

    shape((52, 2), (62, 2), (61, 18), (53, 18), fill=(206, 66, 60))
    shape((52, 2), (62, 2), (61.6, 7), (52.4, 7), fill=(30, 34, 46))
    shape((30, 14), (70, 14), (74, 24), (26, 24), fill=(246, 246, 240))
    shape((14, 24), (84, 24), (88, 34), (10, 34), fill=(228, 230, 226))
    for window in range(18, 80, 8):
        shape((window, 26.5), (window + 5, 26.5), (window + 5, 30.5), (window, 30.5), fill=(255, 208, 110))
    shape((1, 34), (99, 34), (90, 52), (9, 52), fill=(44, 66, 120))
    shape((1, 34), (99, 34), (98, 37), (2.4, 37), fill=(206, 66, 60))
    return ferry.resize((width, round(width * 0.52)), Image.Resampling.LANCZOS)


def _draw_wave(width: int, height: int, color: Color) -> Image.Image:
    length = height * 3
    wave = Image.new("RGBA", (width + length, height))
    crest = [(x, height * (0.28 + 0.22 * math.sin(2 * math.pi * x / length))) for x in range(0, width + length + 4, 4)]
    body = [*crest, (width + length, height), (0, height)]
    draw = ImageDraw.Draw(wave)
    draw.polygon(body, fill=color)
    draw.line(crest, fill=(*FOAM, 90), width=2)
    return wave
