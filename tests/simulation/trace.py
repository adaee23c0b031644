"""What happened, line by line: its hash says whether two runs are the same, its lines tell a failure's story."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque

KEPT = 200_000
"""Lines that a run that is told keeps."""
AT_ONCE = 1_000
"""Lines that are hashed together."""


class Trace:
    """`told`: keep the lines; else only their hash."""

    def __init__(self, *, told: bool = False) -> None:
        self._hash = hashlib.sha256()
        self._new: list[str] = []
        self._lines: deque[str] | None = deque(maxlen=KEPT) if told else None

    def note(self, who: str, what: str) -> None:
        self._new.append(f"{asyncio.get_running_loop().time():.6f} {who} {what}\n")
        if len(self._new) == AT_ONCE:
            self._hash_new()

    @property
    def told(self) -> bool:
        return self._lines is not None

    def digest(self) -> str:
        self._hash_new()
        return self._hash.hexdigest()

    def story(self, about: str = "") -> str:
        """The lines that name `about` (an id without its prefix finds a deal's streams), or all."""
        self._hash_new()
        return "".join(line for line in self._lines or () if about in line)

    def _hash_new(self) -> None:
        self._hash.update("".join(self._new).encode())
        if self._lines is not None:
            self._lines.extend(self._new)
        self._new.clear()
