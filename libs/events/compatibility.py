"""Whether a schema may take the place of another one within a version: everything that was valid stays valid, and everything
that readers rely on stays there. What is new must be optional."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
EXACT = ("pattern", "format", "multipleOf", "const", "uniqueItems")


@dataclass(frozen=True, slots=True)
class _Side:
    """A schema in its document, which its references point into."""

    root: Schema
    schema: Schema

    def at(self, schema: Schema) -> _Side:
        while "$ref" in schema:
            found: Any = self.root
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            schema = found
        return _Side(self.root, schema)


def incompatibilities(old: Schema, new: Schema) -> list[str]:
    """What breaks readers or stored events, each with the path of the field. Empty: compatible."""
    return list(_compare(_Side(old, old).at(old), _Side(new, new).at(new), ""))


def _compare(old: _Side, new: _Side, path: str) -> Iterator[str]:
    before, now, name = old.schema, new.schema, path or "the event"
    if "anyOf" in before or "anyOf" in now:
        yield from _compare_choices(old, new, path)
        return
    if before.get("type") != now.get("type"):
        yield f"{name}: retyped from {before.get('type')} to {now.get('type')}"
        return
    yield from _compare_bounds(before, now, name)
    yield from _compare_fields(old, new, path)
    for part in ("items", "additionalProperties"):
        inner, following = before.get(part, True), now.get(part, True)
        if isinstance(inner, Mapping) and isinstance(following, Mapping):
            yield from _compare(old.at(inner), new.at(following), f"{path}[]")
        elif following is not True and following != inner:
            yield f"{name}: {part} narrowed"


def _compare_bounds(before: Schema, now: Schema, name: str) -> Iterator[str]:
    for bound in LEAST:
        if bound in now and (bound not in before or now[bound] > before[bound]):
            yield f"{name}: {bound} narrowed from {before.get(bound)} to {now[bound]}"
    for bound in MOST:
        if bound in now and (bound not in before or now[bound] < before[bound]):
            yield f"{name}: {bound} narrowed from {before.get(bound)} to {now[bound]}"
    for rule in EXACT:
        if rule in now and now[rule] != before.get(rule):
            yield f"{name}: {rule} changed from {before.get(rule)} to {now[rule]}"
    if "enum" in now:
        gone = [value for value in before.get("enum", ["any value"]) if value not in now["enum"]]
        if gone:
            yield f"{name}: enum narrowed, without {', '.join(map(str, gone))}"


def _compare_fields(old: _Side, new: _Side, path: str) -> Iterator[str]:
    before, now = old.schema.get("properties", {}), new.schema.get("properties", {})
    for field in before:
        inner = f"{path}.{field}".lstrip(".")
        if field not in now:
            yield f"{inner}: removed or renamed"
        else:
            if before[field].get("x-personal") and not now[field].get("x-personal"):
                yield f"{inner}: is no longer marked as personal"
            yield from _compare(old.at(before[field]), new.at(now[field]), inner)
    for field in now.keys() & set(new.schema.get("required", ())) - set(old.schema.get("required", ())):
        yield f"{path}.{field}".lstrip(".") + ": newly required"


def _compare_choices(old: _Side, new: _Side, path: str) -> Iterator[str]:
    """Every alternative that there was must fit one that there is; none may be added, for readers do not expect it."""
    before = [old.at(choice) for choice in old.schema.get("anyOf", (old.schema,))]
    now = [new.at(choice) for choice in new.schema.get("anyOf", (new.schema,))]
    name = path or "the event"
    if len(now) > len(before):
        yield f"{name}: retyped, more alternatives than before"
    for choice in before:
        attempts = [list(_compare(choice, candidate, path)) for candidate in now]
        if all(attempts):
            yield min(attempts, key=len)[0]
