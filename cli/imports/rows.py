"""The rows of a file, one in memory at a time; what is wrong with one ends nothing but that row."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from cli.imports.columns import Column, columns, creator
from cli.imports.lines import Fault, Line, Lines, Unreadable
from cli.imports.shape import Json, checker, imported_creator

CSV, JSON_LINES = ".csv", (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Row:
    """From line to line, `end` bytes into the file. Neither creator nor fault: an empty line."""

    line: int
    last: int
    end: int
    creator: Json | None = None
    fault: Fault | None = None


Read = Callable[[list[Line]], Json]
"""The creator of the row that begins with the one line given; further lines that it takes are appended. Raises `Fault`."""


def rows(path: Path, file: BinaryIO, offset: int = 0, passed: int = 0) -> Iterator[Row]:
    """Rows of a file, from an offset on that lies after `passed` lines. Raises `Unreadable`."""
    kind, check = path.suffix.lower(), checker()
    if kind in JSON_LINES:
        lines = _lines_from(file, offset, passed)
        return _rows(lines, lambda taken: check(_parsed(taken[0].text)))
    if kind != CSV:
        raise Unreadable(f"{path.name} is neither .csv nor .jsonl (JSON Lines)")
    first, header = _header(Lines(file))
    lines = _lines_from(file, max(offset, first.end), max(passed, first.number))
    return _rows(lines, lambda taken: check(creator(_cells(taken, lines, len(header)), header)))


def _rows(lines: Lines, read: Read) -> Iterator[Row]:
    for first in lines:
        taken, found, fault = [first], None, first.fault
        if fault is None and first.text.strip():
            try:
                found = read(taken)
            except Fault as error:
                fault = error
        yield Row(first.number, taken[-1].number, taken[-1].end, found, fault)


def _lines_from(file: BinaryIO, offset: int, passed: int) -> Lines:
    file.seek(offset)
    return Lines(file, passed)


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Fault("MALFORMED_JSON", f"the line is not JSON: {error}") from None


def _header(lines: Lines) -> tuple[Line, Sequence[Column]]:
    line = next(lines, None)
    if line is None or line.fault is not None:
        raise Unreadable("the first line of a CSV file names its columns" if line is None else str(line.fault))
    try:
        return line, columns(next(csv.reader([line.text], strict=True), []), imported_creator())
    except csv.Error as error:
        raise Unreadable(f"the first line is not CSV: {error}") from None


def _cells(taken: list[Line], lines: Lines, wanted: int) -> list[str]:
    """A quoted cell may go on in further lines. A quote that is never closed would take all of them: where the cells do not
    fit, the others are put back, and only the first line is at fault."""

    def texts() -> Iterator[str]:
        yield taken[0].text
        for line in lines:
            taken.append(line)
            if line.fault is not None:
                return
            yield line.text

    try:
        cells = next(csv.reader(texts(), strict=True))
        if len(cells) == wanted:
            return cells
        fault = Fault("CELLS_DO_NOT_FIT", f"{len(cells)} cells under {wanted} columns")
    except csv.Error as error:
        fault = Fault("MALFORMED_CSV", f"the line is not CSV: {error}")
    lines.put_back(taken[1:])
    del taken[1:]
    raise fault
