"""Path templates of `google.api.http` → a tree that finds a request's route.

A template is literals and `{field}`s, each one segment, with an optional `:verb` at its end. A literal is preferred to a field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import unquote

from libs.events.decider import Kind, Refusal

T = TypeVar("T")

_FIELD = re.compile(r"\{([a-z][a-z0-9_.]*)(?:=\*)?\}")
_LITERAL = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Template:
    """`segments`: literals, or None for a field; `fields`: their paths, in order."""

    segments: tuple[str | None, ...]
    verb: str
    fields: tuple[str, ...]


def parse(template: str) -> Template:
    """Raises ValueError for a form that is not used here."""
    path, verb = re.fullmatch(r"(/.*?)(?::([A-Za-z]+))?", template, re.DOTALL).groups()  # type: ignore[union-attr]
    segments: list[str | None] = []
    fields: list[str] = []
    for segment in path[1:].split("/"):
        if variable := _FIELD.fullmatch(segment):
            segments.append(None)
            fields.append(variable[1])
        elif _LITERAL.fullmatch(segment):
            segments.append(segment)
        else:
            raise ValueError(f"{template}: `{segment}` is neither a literal nor a field of one segment")
    return Template(tuple(segments), verb or "", tuple(fields))


@dataclass(slots=True)
class _Node(Generic[T]):
    literals: dict[str, _Node[T]] = field(default_factory=dict)
    variable: _Node[T] | None = None
    ends: dict[str, dict[str, T]] = field(default_factory=dict)
    """`:verb` ("" for none) → HTTP method → what was added."""


class Tree(Generic[T]):
    """Finds what was added under a template, by path."""

    def __init__(self, entries: Iterable[tuple[str, str, T]]) -> None:
        """Of (HTTP method, template, what). Raises ValueError when two share a method and a path."""
        self._root: _Node[T] = _Node()
        for method, template, what in entries:
            self._add(method, parse(template), template, what)

    def _add(self, method: str, template: Template, text: str, what: T) -> None:
        node = self._root
        for segment in template.segments:
            if segment is None:
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.literals.setdefault(segment, _Node())
        if node.ends.setdefault(template.verb, {}).setdefault(method, what) is not what:
            raise ValueError(f"two rpcs are bound to {method} {text}")

    def find(self, path: str) -> tuple[Mapping[str, T], list[str]] | None:
        """HTTP method → what, and the fields' values in order; None where no template fits. `path` as it came,
        percent-encoded."""
        segments = path[1:].split("/")
        last, colon, verb = segments[-1].rpartition(":")
        if colon:
            found = _walk(self._root, [*segments[:-1], last], 0, verb)
            if found is not None:
                return found
        return _walk(self._root, segments, 0, "")


def _walk(node: _Node[T], segments: list[str], index: int, verb: str) -> tuple[Mapping[str, T], list[str]] | None:
    if index == len(segments):
        methods = node.ends.get(verb)
        return None if methods is None else (methods, [])
    segment = segments[index]
    literal = node.literals.get(segment)
    if literal is not None:
        found = _walk(literal, segments, index + 1, verb)
        if found is not None:
            return found
    if node.variable is None or not segment:
        return None
    found = _walk(node.variable, segments, index + 1, verb)
    if found is not None:
        found[1].insert(0, _decoded(segment) if "%" in segment else segment)
    return found


def _decoded(segment: str) -> str:
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise Refusal("MALFORMED_URL", "the path is not UTF-8", kind=Kind.INVALID_ARGUMENT) from None
