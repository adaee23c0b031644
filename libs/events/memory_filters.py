"""What MongoDB's filters and orders mean, for the in-memory twin. Of the operators, those that the kernel uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from libs.events.database import BsonDocument, Filter


def matches(document: BsonDocument, where: Filter) -> bool:
    """All conditions hold. A condition is a value (equal, or an element of a list) or a mapping of operators."""
    for field, condition in where.items():
        if field == "$and":
            if not all(matches(document, one) for one in condition):
                return False
        elif field == "$or":
            if not any(matches(document, one) for one in condition):
                return False
        else:
            values = _values(document, field)
            if isinstance(condition, Mapping):
                if not all(_OPERATORS[operator](values, operand) for operator, operand in condition.items()):
                    return False
            elif not _equals(values, condition):
                return False
    return True


def sort_key(document: BsonDocument, field: str) -> tuple[int, Any]:
    """Nothing before numbers before text, and so on; within a type by value."""
    value = (_values(document, field) or [None])[0]
    return _rank(value), value if _sortable(value) else 0


def _values(document: BsonDocument, path: str) -> list[Any]:
    """What a dotted field holds: of a list also each element, through lists of objects as well; empty if it is missing."""
    if "." not in path:
        if path not in document:
            return []
        value = document[path]
        return [value, *value] if isinstance(value, list) else [value]
    return list(_walk(document, path.split(".")))


def _walk(value: Any, path: list[str]) -> Iterator[Any]:
    if not path:
        yield value
        if isinstance(value, list):
            yield from value
    elif isinstance(value, dict):
        if path[0] in value:
            yield from _walk(value[path[0]], path[1:])
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield from _walk(item, path)


def _equals(values: list[Any], wanted: Any) -> bool:
    """Null equals what is null or missing."""
    if wanted is None:
        return not values or any(value is None for value in values)
    rank = _rank(wanted)
    return any(value == wanted and _rank(value) == rank for value in values)


def _compares(holds: Callable[[Any, Any], bool]) -> Callable[[list[Any], Any], bool]:
    """Only values of the bound's own type are compared."""

    def compares(values: list[Any], bound: Any) -> bool:
        rank = _rank(bound)
        return any(_rank(value) == rank and holds(value, bound) for value in values)

    return compares


_OPERATORS: Mapping[str, Callable[[list[Any], Any], bool]] = {
    "$eq": _equals,
    "$ne": lambda values, wanted: not _equals(values, wanted),
    "$in": lambda values, wanted: any(_equals(values, one) for one in wanted),
    "$gt": _compares(lambda value, bound: bool(value > bound)),
    "$gte": _compares(lambda value, bound: bool(value >= bound)),
    "$lt": _compares(lambda value, bound: bool(value < bound)),
    "$lte": _compares(lambda value, bound: bool(value <= bound)),
}


_RANKS: Mapping[type, int] = {type(None): 1, bool: 8, int: 2, float: 2, str: 3, dict: 4, list: 5}
LATEST = 9


def _rank(value: Any) -> int:
    """MongoDB's order of types: nothing, numbers, text, objects, lists, booleans, times."""
    rank = _RANKS.get(type(value))
    return rank or next((rank for kind, rank in _RANKS.items() if isinstance(value, kind)), LATEST)


def _sortable(value: Any) -> bool:
    return value is not None and not isinstance(value, dict | list)
