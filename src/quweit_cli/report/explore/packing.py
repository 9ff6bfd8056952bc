"""Arrays of integers as JSON that a page can hold: the narrowest type, its bytes in base64."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

Packed = dict[str, Any]
BASE64 = 4 / 3  # characters a byte
KINDS = ("int8", "uint8", "int16", "uint16", "int32", "int64")


def packed(values: np.ndarray) -> Packed:
    """Little endian, the last axis fastest, in the narrowest of KINDS that holds all values."""
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    kind = next(one for one in KINDS if np.iinfo(one).min <= low and high <= np.iinfo(one).max)
    narrow = values.astype(np.dtype(kind).newbyteorder("<"))
    return {"kind": kind, "shape": list(values.shape), "data": _text(narrow.tobytes())}


def packed_bits(values: np.ndarray) -> Packed:
    """Eight bits a byte, the first one lowest; each row of the last axis begins a byte."""
    rows = np.packbits(values.astype(np.uint8), axis=-1, bitorder="little")
    return {"kind": "bits", "shape": list(values.shape), "data": _text(rows.tobytes())}


def packed_bytes(values: np.ndarray) -> int:
    """How long the text of `packed` is, but for a few names."""
    return len(packed(values)["data"])


def script_json(content: object) -> str:
    """JSON that ends no script element and opens none, whatever it holds."""
    text = json.dumps(content, separators=(",", ":"), sort_keys=True, allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
