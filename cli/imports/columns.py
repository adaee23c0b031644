"""A CSV file's header: each column is the path of a field, in JSON names.

- `handle`, `performance.views`, `rateCard.0.amount.currency`: objects by name, lists of objects by number from 0
- `audience.countries.DE`, `audience.ages.65+`: shares by their key
- `languages`, `niches`: values separated by `;`

An empty cell says nothing: what is missing is never zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from cli.imports.lines import Unreadable

Json = dict[str, Any]

MOST_NUMBERED = 50
"""Objects of a list, as many as the longest list may have."""
SEPARATOR = ";"
TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Column:
    """Where a cell goes."""

    path: tuple[str | int, ...]
    field: FieldDescriptor

    def value(self, cell: str) -> Any:
        """What the cell says; numbers and times stay text, which the gateway reads."""
        if self.field.is_repeated and not _is_map(self.field):
            return [part.strip() for part in cell.split(SEPARATOR) if part.strip()]
        if self.field.type == FieldDescriptor.TYPE_BOOL:
            return TRUTHS.get(cell.lower(), cell)
        return cell


def columns(header: Sequence[str], shape: Descriptor) -> list[Column]:
    """Raises `Unreadable`, with the columns that there are not, or that are there twice."""
    names = [name.strip() for name in header]
    found = [_column(name, shape) for name in names]
    unknown = [name or "(empty)" for name, column in zip(names, found, strict=True) if column is None]
    if unknown:
        raise Unreadable(f"there is no column {', '.join(unknown)}; there are: {', '.join(known(shape))}")
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise Unreadable(f"given twice: {', '.join(twice)}")
    return [column for column in found if column is not None]


def creator(cells: Sequence[str], header: Sequence[Column]) -> Json:
    """The object that a record's cells say."""
    tree: Json = {}
    for cell, column in zip(cells, header, strict=True):
        cell = cell.strip()
        if cell:
            _put(tree, column.path, column.value(cell))
    return {name: _listed(value) for name, value in tree.items()}


def known(shape: Descriptor, above: str = "") -> Iterator[str]:
    """All columns: `0` stands for any number, `<key>` for any key."""
    for field in shape.fields:
        name = f"{above}{field.json_name}"
        if _is_map(field):
            yield f"{name}.<key>"
        elif (inner := _object(field)) is not None:
            yield from known(inner, f"{name}.0." if field.is_repeated else f"{name}.")
        else:
            yield name


def _column(name: str, shape: Descriptor) -> Column | None:
    parts, path = name.split("."), list[str | int]()
    while parts:
        field = next((field for field in shape.fields if field.json_name == parts[0]), None)
        if field is None:
            return None
        path.append(parts.pop(0))
        if _is_map(field):
            return Column((*path, key), field) if (key := ".".join(parts)) else None
        inner = _object(field)
        if inner is None:
            return Column(tuple(path), field) if not parts else None
        if field.is_repeated:
            if not parts or not parts[0].isascii() or not parts[0].isdigit() or int(parts[0]) >= MOST_NUMBERED:
                return None
            path.append(int(parts.pop(0)))
        shape = inner
    return None


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _object(field: FieldDescriptor) -> Descriptor | None:
    """What a field holds that is told by its own fields."""
    kind = field.message_type
    return None if kind is None or kind.full_name == "google.protobuf.Timestamp" else kind


def _put(tree: dict[Any, Any], path: tuple[str | int, ...], value: Any) -> None:
    for step in path[:-1]:
        tree = tree.setdefault(step, {})
    tree[path[-1]] = value


def _listed(value: Any) -> Any:
    """What was numbered is a list, in the order of the numbers."""
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(part) for name, part in value.items()}
    return [inner[number] for number in sorted(inner)] if all(isinstance(name, int) for name in inner) else inner
