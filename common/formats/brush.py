"""Label Studio's brushes: the run lengths in which it packs the pixels of a region.

The format is that of `rle-pack <https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack>`_, with which Label
Studio packs the red, green, blue and opacity of each pixel: 32 bits with the number of words, 5 with the bits of a word
less 1, 4 times 4 with the bits of a length less 1; then chunks of a bit that is 1 for a run, 2 that choose among the
four, the length less 1, and one word, or, not for a run, that many.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from common.errors import InputError

__all__ = ["decode_brush", "encode_brush"]

SIZES = (3, 4, 8, 16)  # bits of a length less 1, as Label Studio chooses them
HEADER = 32 + 5 + 4 * 4  # bits


def decode_brush(numbers: Sequence[int], most: int = 2**32) -> np.ndarray:
    """The bytes that a brush's run lengths stand for.

    Args:
        numbers: bytes of the packed stream.
        most: words that are expected at most.

    Returns:
        uint8, one for each word.

    Raises:
        InputError: the stream ends too early, is longer than ``most``, or its words are not bytes.

    Example:
        >>> decode_brush([0, 0, 0, 4, 57, 27, 252, 127, 224]).tolist()  # a run of 4 times 255
        [255, 255, 255, 255]
    """
    try:
        data = bytes(numbers)
    except (TypeError, ValueError) as error:
        raise InputError(f"the run lengths of a brush are not bytes ({error}).") from error
    total = 8 * len(data)
    if total < HEADER:
        raise InputError("the run lengths of a brush end too early.")
    head = int.from_bytes(data[:7], "big") >> 56 - HEADER
    count, word = head >> 21, (head >> 16 & 31) + 1
    sizes = [(head >> 12 - 4 * k & 15) + 1 for k in range(4)]
    if word != 8:
        raise InputError(f"a brush has words of {word} bits; expected 8.")
    if count > most:
        raise InputError(f"a brush has {count} words; expected {most} at most.")
    place, done, found = HEADER, 0, np.zeros(count, np.uint8)
    bits: np.ndarray | None = None
    while done < count:
        window = (
            int.from_bytes(data[place >> 3 : (place >> 3) + 5].ljust(5, b"\0"), "big") << (place & 7) & 0xFFFFFFFFFF
        )
        size = sizes[window >> 37 & 3]  # at most 3 + 16 + 8 bits of the window's 33 or more are needed
        length = (window >> 37 - size & (1 << size) - 1) + 1
        start, stop = place + 3 + size, done + length
        place = start + (8 if window >> 39 else 8 * length)
        if place > total:
            raise InputError("the run lengths of a brush end too early.")
        if window >> 39:
            found[done:stop] = window >> 29 - size & 255
        else:
            bits = np.unpackbits(np.frombuffer(data, np.uint8)) if bits is None else bits
            found[done:stop] = np.packbits(bits[start:place])[: count - done]
        done = stop
    return found


def encode_brush(mask: np.ndarray) -> list[int]:
    """A mask as the run lengths of a brush.

    Args:
        mask: bool (H, W).

    Returns:
        Bytes of the packed stream: 255 in all four channels where the mask is true, 0 elsewhere.

    Example:
        >>> decode_brush(encode_brush(np.array([[False, True]]))).tolist()
        [0, 0, 0, 0, 255, 255, 255, 255]
    """
    flat = np.asarray(mask, bool).ravel()
    starts = np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1]))) if flat.size else np.zeros(0, int)
    lengths = 4 * np.diff(np.append(starts, flat.size))
    parts = [f"{4 * flat.size:032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in SIZES)]
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        word = f"{255 if flat[start] else 0:08b}"
        while length:
            taken = min(length, 1 << SIZES[-1])
            kind = next(k for k, size in enumerate(SIZES) if taken <= 1 << size)
            parts.append(f"1{kind:02b}{taken - 1:0{SIZES[kind]}b}{word}")
            length -= taken
    text = "".join(parts)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, "big"))
