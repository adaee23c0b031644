"""A file's lines, bounded, each with its number and where it ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

LONGEST = 262_144
"""Bytes of a line; a longer one is passed over and refused."""


class Unreadable(Exception):
    """A file that cannot be imported as a whole; the text says why."""


class Fault(Exception):
    """What is wrong with a row: a stable code, what would be right, and the field at fault, if it is one."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.field = code, message, field


@dataclass(frozen=True, slots=True)
class Line:
    """`number`: from 1. `end`: bytes of the file up to and with it. `text`: without a byte order mark."""

    number: int
    end: int
    text: str
    fault: Fault | None = None


class Lines:
    """From where the file stands, after so many lines."""

    def __init__(self, file: BinaryIO, number: int = 0) -> None:
        self._file, self._number, self._end = file, number, file.tell()
        self._back: deque[Line] = deque()

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        if self._back:
            return self._back.popleft()
        raw = self._file.readline(LONGEST)
        if not raw:
            raise StopIteration
        self._number += 1
        whole = raw.endswith(b"\n") or len(raw) < LONGEST
        self._end += len(raw) if whole else len(raw) + self._pass_over()
        if not whole:
            return Line(self._number, self._end, "", Fault("LINE_TOO_LONG", f"a line has at most {LONGEST:,} bytes"))
        try:
            return Line(self._number, self._end, raw.decode("utf-8-sig" if self._number == 1 else "utf-8"))
        except UnicodeDecodeError as error:
            return Line(self._number, self._end, "", Fault("NOT_UTF8", f"byte {error.start + 1} of the line is not UTF-8"))

    def put_back(self, lines: Iterable[Line]) -> None:
        """They come next, in this order."""
        self._back.extendleft(reversed(list(lines)))

    def _pass_over(self) -> int:
        """The rest of a line; returns its bytes."""
        passed = 0
        while rest := self._file.readline(LONGEST):
            passed += len(rest)
            if rest.endswith(b"\n"):
                break
        return passed
