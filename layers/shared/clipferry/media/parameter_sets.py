"""Reads the aspect of a pixel from a codec's sequence parameter set, where the file itself says nothing of it.

Sources: ITU-T H.264, 7.3.2.1.1 and E.1.1; ITU-T H.265, 7.3.2.2, 7.3.3, 7.3.4, 7.3.7 and E.2.1; ISO/IEC 14496-15 for
`avcC` and `hvcC`.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import Final

Aspect = tuple[int, int]

_LONGEST: Final = 1024
"""Bytes of a parameter set that are read: real ones have less than 100."""
_ASPECTS: Final[tuple[Aspect, ...]] = (
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
)
"""The aspects that aspect_ratio_idc 1 to 16 stand for, in H.264 and H.265 alike."""
_OWN_ASPECT: Final = 255
_WITH_CHROMA: Final = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_HEVC_SPS: Final = 33


class _Bits:
    """Reads a parameter set bit by bit; raises ValueError where it ends too early."""

    def __init__(self, nal: bytes) -> None:
        raw = nal[:_LONGEST].replace(b"\0\0\3", b"\0\0")  # a 3 is put in where the bytes would look like a start code
        self._value = int.from_bytes(raw)
        self._left = 8 * len(raw)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("cut short")
        return self._value >> self._left & (1 << count) - 1

    def golomb(self) -> int:
        """Reads ue(v); where only the number of bits matters, it reads se(v), too."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def signed_golomb(self) -> int:
        value = self.golomb()
        return (value + 1) // 2 if value % 2 else -(value // 2)

    def skip_golombs(self, count: int) -> None:
        for _ in range(count):
            self.golomb()


def h264_pixel_aspect(avcc: memoryview) -> Aspect | None:
    """Returns the aspect that `avcC` holds, None when it says nothing that can be read."""
    with suppress(ValueError, struct.error):
        if struct.unpack_from(">B", avcc, 5)[0] & 31:
            (length,) = struct.unpack_from(">H", avcc, 6)
            return _read_h264(_Bits(bytes(avcc[9 : 8 + length])))
    return None


def hevc_pixel_aspect(hvcc: memoryview) -> Aspect | None:
    """Returns the aspect that `hvcC` holds, None when it says nothing that can be read."""
    with suppress(ValueError, struct.error):
        start = 23
        for _ in range(struct.unpack_from(">B", hvcc, 22)[0]):
            kind, units = struct.unpack_from(">BH", hvcc, start)
            start += 3
            for _ in range(units):
                (length,) = struct.unpack_from(">H", hvcc, start)
                if kind & 63 == _HEVC_SPS:
                    return _read_hevc(_Bits(bytes(hvcc[start + 4 : start + 2 + length])))
                start += 2 + length
    return None


def _read_h264(bits: _Bits) -> Aspect | None:
    profile = bits.take(24) >> 16  # and constraints and level
    bits.golomb()
    if profile in _WITH_CHROMA:
        is_444 = bits.golomb() == 3
        bits.take(1 if is_444 else 0)
        bits.skip_golombs(2)
        bits.take(1)
        if bits.take(1):
            for number in range(12 if is_444 else 8):
                if bits.take(1):
                    _skip_h264_scaling_list(bits, 16 if number < 6 else 64)
    bits.golomb()
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1)
        bits.skip_golombs(2)
        bits.skip_golombs(bits.golomb())
    bits.golomb()
    bits.take(1)
    bits.skip_golombs(2)
    if not bits.take(1):
        bits.take(1)
    bits.take(1)
    if bits.take(1):
        bits.skip_golombs(4)
    return _read_aspect(bits) if bits.take(1) else None


def _skip_h264_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed_golomb()) % 256
        last = following or last


def _read_hevc(bits: _Bits) -> Aspect | None:
    bits.take(4)
    layers = bits.take(3)
    bits.take(1)
    _skip_profiles(bits, layers)
    bits.golomb()
    if bits.golomb() == 3:
        bits.take(1)
    bits.skip_golombs(2)
    if bits.take(1):
        bits.skip_golombs(4)
    bits.skip_golombs(2)
    order_bits = bits.golomb() + 4
    bits.skip_golombs(3 * (layers + 1 if bits.take(1) else 1))
    bits.skip_golombs(6)
    if bits.take(1) and bits.take(1):
        _skip_hevc_scaling_lists(bits)
    bits.take(2)
    if bits.take(1):
        bits.take(8)
        bits.skip_golombs(2)
        bits.take(1)
    _skip_reference_sets(bits)
    if bits.take(1):
        for _ in range(bits.golomb()):
            bits.take(order_bits + 1)
    bits.take(2)
    return _read_aspect(bits) if bits.take(1) else None


def _skip_profiles(bits: _Bits, layers: int) -> None:
    bits.take(96)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    bits.take(2 * (8 - layers) if layers else 0)
    for has_profile, has_level in present:
        bits.take(88 * has_profile + 8 * has_level)


def _skip_hevc_scaling_lists(bits: _Bits) -> None:
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if not bits.take(1):
                bits.golomb()
            else:
                bits.skip_golombs((size > 1) + min(64, 1 << 4 + 2 * size))


def _skip_reference_sets(bits: _Bits) -> None:
    pictures = 0  # in the set before
    for number in range(bits.golomb()):
        if number and bits.take(1):
            bits.take(1)
            bits.golomb()
            pictures = sum(1 for _ in range(pictures + 1) if bits.take(1) or bits.take(1))
        else:
            pictures = bits.golomb() + bits.golomb()
            for _ in range(pictures):
                bits.golomb()
                bits.take(1)


def _read_aspect(bits: _Bits) -> Aspect | None:
    if not bits.take(1):
        return None
    kind = bits.take(8)
    if kind == _OWN_ASPECT:
        return bits.take(16), bits.take(16)
    return _ASPECTS[kind - 1] if 0 < kind <= len(_ASPECTS) else None
