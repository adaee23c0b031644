"""Reading log files: their end, and what is added to them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

BETWEEN_LOOKS = 0.2
"""Seconds."""


def last_lines(path: Path, count: int) -> list[str]:
    """At most `count`; none of a file that does not exist."""
    try:
        with path.open(errors="replace") as file:
            return [line.rstrip("\n") for line in deque(file, maxlen=count)]
    except FileNotFoundError:
        return []


def tail_of(path: Path) -> str:
    """What helps to see why something failed."""
    return "\n".join(last_lines(path, 15)) or f"(nothing in {path})"


def follow(paths: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """(name, line) as lines are added, without end. A rotated file is read from its beginning."""
    places = {name: _size(path) for name, path in paths.items()}
    unfinished = dict.fromkeys(paths, "")
    while True:
        for name, path in paths.items():
            if _size(path) < places[name]:
                places[name] = 0
            added = _read(path, places[name])
            places[name] += len(added)
            *lines, unfinished[name] = (unfinished[name] + added.decode(errors="replace")).split("\n")
            yield from ((name, line) for line in lines)
        time.sleep(BETWEEN_LOOKS)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _read(path: Path, place: int) -> bytes:
    if not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(place)
        return file.read()
