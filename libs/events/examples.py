"""The golden example of a new event version: made from its schema, the same every time, and written once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

PATTERNS = {
    r"^[A-Z]{2}$": "DE",
    r"^[a-z]{2}$": "de",
    r"^[A-Z]{3}$": "EUR",
    r"^[a-z][a-z0-9-]{1,39}$": "slow-fashion",
    r"^https://[^\s]{3,2000}$": "https://example.com/ana/1",
    r"^[A-Za-z0-9._]{2,64}$": "ana.makes",
    r"^#[\w]{1,100}$": "#ad",
    r"^@[A-Za-z0-9._]{1,64}$": "@acme",
    r"^[0-9a-f]{64}$": "5f" * 32,
    r"^([A-Z]{2}|unknown)$": "DE",
    r"^([a-z]{2}|unknown)$": "de",
    r"^[^@\s]{1,64}@[^@\s]{1,190}$": "ana@example.com",
    r"^\+[0-9]{6,15}$": "+4930123456",
}
"""Pattern of the catalog -> a value that a reader recognises."""
ID_PATTERN = re.compile(r"^\^([a-z]{3})_\[0-9a-z\]")
MOMENT = "2026-11-22T14:00:00Z"


def example(schema: Schema) -> dict[str, Any]:
    """An event's data with every field filled. Raises `ValueError` for a pattern that `PATTERNS` does not know."""
    made = _example(schema, schema, "event")
    assert isinstance(made, dict)
    return made


def _example(schema: Schema, root: Schema, name: str) -> Any:
    if "$ref" in schema:
        return _example(root["$defs"][schema["$ref"].rpartition("/")[2]], root, name)
    if "anyOf" in schema:
        filled = next((choice for choice in schema["anyOf"] if choice.get("type") != "null"), schema["anyOf"][0])
        return _example(filled, root, name)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            return _object(schema, root, name)
        case "array":
            return [_example(schema["items"], root, name.removesuffix("s"))] * max(1, schema.get("minItems", 1))
        case "string":
            return _text(schema, name)
        case "integer":
            return max(1, schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1)
        case "number":
            return min(0.05, schema.get("maximum", 0.05))
        case "boolean":
            return True
    raise ValueError(f"no example for {name}: {dict(schema)}")


def _object(schema: Schema, root: Schema, name: str) -> dict[str, Any]:
    if "properties" in schema:
        return {field: _example(inner, root, field) for field, inner in schema["properties"].items()}
    for pattern, inner in schema.get("patternProperties", {}).items():
        return {_text({"pattern": pattern}, name): _example(inner, root, name)}
    inner = schema.get("additionalProperties")
    if not isinstance(inner, Mapping):
        return {}
    key = _example({"type": "string", **schema["propertyNames"]}, root, name) if "propertyNames" in schema else name
    return {key: _example(inner, root, name)}


def _text(schema: Schema, name: str) -> str:
    if schema.get("format") == "date-time":
        return MOMENT
    pattern = schema.get("pattern")
    if pattern is None:
        words = f"a {name.replace('_', ' ')}"
        return words[: schema.get("maxLength", len(words))].ljust(schema.get("minLength", 0), ".")
    identifier = ID_PATTERN.match(pattern)
    found = f"{identifier[1]}_01kam8v0t0k3y5f7h9m2p4r6s8" if identifier else PATTERNS.get(pattern)
    if found is None or not re.search(pattern, found):
        raise ValueError(f"no example is known for the pattern {pattern} of {name}: add one to PATTERNS")
    return found
