"""Damage to files of any kind, as chance decides: bytes, JSON and YAML, what torch saved, and a file's place itself.

Nothing here knows which documents there are. `random` is Python's, or hypothesis's, which then makes findings small.
"""

from __future__ import annotations

import contextlib
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import torch

LARGE = 3000  # repetitions of what may be repeated without end
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 255, 2**31, 2**63, 2**64, -(2**63) - 1, 10**30, int("9" * 4000), 0.5, -0.5,
    1e-300, 1e300, -1e308, float("nan"), float("inf"), "", "1", "x", "A" * 5000, "é漢\u202e", "\ud800", "\x1b[2J",
    "../../escape", "/etc/hostname", "a b;c", "{{x}}", "[exec touch F]", "</td><script>", [], {}, [[]], [1], {"a": 1},
)  # fmt: skip
MAGIC = (
    b"\x1f\x8b\x08\x00",
    b"PK\x03\x04",
    b"\x93NUMPY\x01\x00",
    b"\x80\x02}",
    b"\x00" * 64,
    b"\xff\xfe",
    b"[" * LARGE,
)
ALIASES = "\n".join(f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}" if n else "x"] * 9) + "]" for n in range(9))
YAML_TEXTS = (
    "[" * LARGE, "{" * 400, ALIASES, "a: 2001-99-99", "a: !!int 'x'", "a: " + "1" * 5000, "? [a]\n: b", "- a\n- b",
    "a: !!python/object:os.system x", "a: &a [*a]", "a: 1\na: 2", "a: .nan", "<<: 1", "\x00", "a: 1:2:3", "!!set {a}",
)  # fmt: skip
TYPES = (torch.float64, torch.float16, torch.int64, torch.int8, torch.bool, torch.complex64)


def damaged_bytes(content: bytes, random: Random) -> bytes:  # noqa: PLR0911
    """Flipped, cut, repeated, overwritten or replaced; the first bytes, where headers are, more often than others."""
    end = len(content) if random.random() < 0.5 else min(len(content), 200)
    first = random.randrange(end + 1)
    last = min(len(content), first + random.choice((1, 2, 8, 64)))
    match random.randrange(7):
        case 0:
            return (
                content[:first]
                + bytes(byte ^ 1 << random.randrange(8) for byte in content[first:last])
                + content[last:]
            )
        case 1:
            return content[:first]
        case 2:
            return content[:first] + content[last:]
        case 3:
            return content[:first] + content[first:last] * random.choice((2, LARGE)) + content[last:]
        case 4:
            return (
                content[:first] + bytes(random.randrange(256) for _ in range(last - first)) + content[last:]
            )
        case 5:
            return content[:first] + random.choice(MAGIC) + content[last:]
    return random.choice(MAGIC) + content


def damaged_value(value: Any, random: Random, odd: Callable[[Any, Random], Any]) -> Any:
    """A tree with something in it changed: a value replaced, left out, repeated, renamed, or put deeper."""
    inner = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    if not inner or random.random() < 0.15:
        return odd(value, random)
    key = random.choice(inner)
    changed = dict(value) if isinstance(value, dict) else list(value)
    match random.randrange(10):
        case 0:
            del changed[key]
        case 1 if isinstance(changed, list):
            changed += [value[key]] * random.choice((1, LARGE))
        case 1:
            changed[random.choice((f"{key}x", "", 1, "../x", "A" * 300))] = changed.pop(key)
        case 2:
            changed[key] = [changed[key]] if random.random() < 0.5 else {"a": changed[key]}
        case 3:
            changed[key] = value[random.choice(inner)]
        case _:
            changed[key] = damaged_value(value[key], random, odd)
    return changed


def odd_value(value: Any, random: Random) -> Any:
    """In place of a plain value: one that is not expected there, or close to it."""
    if type(value) in (int, float) and random.random() < 0.4:
        return random.choice(
            (value + 1, value - 1, -value, value * 1000, float(value), str(value), bool(value))
        )
    if isinstance(value, str) and random.random() < 0.4:
        return random.choice(
            (value[:-1], value + "x", value.upper(), value * LARGE, f"../{value}", f"/{value}", value[::-1])
        )
    if random.random() < 0.05:
        for _ in range(random.choice((40, 5000))):
            value = [value]
        return value
    return random.choice(ODD_VALUES)


def odd_tensor(value: Any, random: Random) -> Any:  # noqa: PLR0911
    """In place of a tensor: another shape, type or content; of a plain value, as `odd_value`."""
    if not isinstance(value, torch.Tensor) or random.random() < 0.2:
        return odd_value(value, random)
    match random.randrange(8):
        case 0:
            return value.to(random.choice(TYPES))
        case 1:
            return value.flatten() if value.ndim != 1 else value[None]
        case 2:
            return value.flatten()[:0]
        case 3:
            return value.flatten()[:1].expand(10**12)
        case 4:
            return torch.full_like(value, random.choice((-1, 0, 1, 100)))
        case 5 if value.is_floating_point():
            return torch.full_like(value, random.choice((float("nan"), float("inf"), 1e38, -1e-38)))
        case 6:
            return value.clone().to_sparse() if value.ndim else value
    return torch.cat((value, value)) if value.ndim else value[None]


def damage(path: Path, random: Random) -> None:
    """Change one file in place; by what its name says that it holds, or as bytes, or what it is at all."""
    kind = path.suffix if random.random() < 0.75 else random.choice(("bytes", "place"))
    if kind == ".json":
        value = damaged_value(json.loads(path.read_text()), random, odd_value)
        text = _written(value)
        path.write_bytes(
            text.replace(": ", f': 0, "{"a" * 9}": ', 1).encode() if random.random() < 0.02 else text.encode()
        )
    elif kind == ".yaml" and random.random() < 0.3:
        path.write_text(f"{path.read_text()}\n{random.choice(YAML_TEXTS)}\n")
    elif kind == ".pt":
        content = torch.load(path, weights_only=True)
        with contextlib.suppress(RecursionError):  # nested without end, it cannot be written
            torch.save(damaged_value(content, random, odd_tensor), path)
    elif kind == ".npz" and random.random() < 0.7:
        _damage_archive(path, random)
    elif kind == "place":
        _damage_place(path, random)
    else:
        path.write_bytes(damaged_bytes(path.read_bytes(), random))


def odd_yaml(random: Random) -> str:
    """The value of a `--set`."""
    return random.choice(YAML_TEXTS) if random.random() < 0.3 else _written(random.choice(ODD_VALUES))


def _written(value: Any) -> str:
    try:
        return json.dumps(value)
    except (RecursionError, ValueError, TypeError):  # nested without end; keys of several types
        return "[" * LARGE


def _damage_archive(path: Path, random: Random) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = random.choice(sorted(members))
    members[name] = damaged_bytes(members[name], random) if random.random() < 0.8 else bytes(10**8)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in members.items():
            archive.writestr(each, content)


def _damage_place(path: Path, random: Random) -> None:
    """What lies there is gone, a folder, a pipe, or a link: to itself, to nothing, to a file of the machine, to a device."""
    path.unlink()
    match random.randrange(7):
        case 0:
            path.mkdir()
        case 1:
            os.mkfifo(path)
        case 2:
            path.symlink_to(path.name)
        case 3:
            path.symlink_to("/etc/hostname")
        case 4:
            path.symlink_to("/dev/zero")
        case 5:
            path.symlink_to(path.parent)
