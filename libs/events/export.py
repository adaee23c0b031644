"""Exports the published language: `python -m libs.events.export [--check]`.

`schemas/<type>/v<version>.json` is the JSON Schema of an event version and `v<version>.example.json` a golden example of it,
which is written once and decoded by the tests for ever. `--check` writes nothing; both refuse what would break a reader."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from libs.events.asyncapi import asyncapi
from libs.events.compatibility import incompatibilities
from libs.events.envelope import schema_address
from libs.events.examples import example
from libs.events.registry import Event, Registry

SCHEMAS = Path(__file__).parent / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
STALE = "is stale: run `python -m libs.events.export`"

Version = tuple[str, int]


def schema_of(cls: type[Event]) -> dict[str, Any]:
    """JSON Schema of an event's data. Fields that hold personal data carry `x-personal`."""
    made = cls.model_json_schema(mode="validation")
    told = {"$schema": DIALECT, "$id": schema_address(cls.type, cls.version), "title": cls.type.rpartition(".")[2]}
    description = inspect.getdoc(cls) if "__doc__" in vars(cls) and cls.__doc__ else None
    if description:
        told["description"] = " ".join(description.split())
    return {**told, **{name: value for name, value in made.items() if name not in ("title", "description")}}


def export(known: Registry, directory: Path = SCHEMAS) -> list[str]:
    """Writes schemas, missing examples and the AsyncAPI document. Returns what forbids it; then nothing was written."""
    problems = list(_breaks(known, directory))
    if problems:
        return problems
    for path, text in _wanted(known, directory).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(_unreadable_examples(known, directory))


def check(known: Registry, directory: Path = SCHEMAS) -> list[str]:
    """What is wrong with the committed files; empty if nothing is."""
    problems = list(_breaks(known, directory))
    broken = {problem.partition(":")[0] for problem in problems}
    for path, text in _wanted(known, directory).items():
        name = str(path.relative_to(directory))
        if name not in broken and (not path.exists() or path.read_text() != text):
            problems.append(f"{name}: {STALE}")
    return problems + list(_unreadable_examples(known, directory))


def _breaks(known: Registry, directory: Path) -> Iterator[str]:
    """Changes of what was published."""
    newest = {cls.type: cls for cls in known.classes().values()}
    for (type_, version), schema in _published(directory).items():
        name, cls = f"{type_}/v{version}.json", newest.get(type_)
        if cls is None or cls.version < version:
            yield f"{name}: was published and is no longer in the catalog"
        elif cls.version == version:
            yield from (f"{name}: {problem}" for problem in incompatibilities(schema, schema_of(cls)))


def _unreadable_examples(known: Registry, directory: Path) -> Iterator[str]:
    """Golden examples of every version ever published must be read by today's code."""
    for type_, version in _published(directory):
        path = _path(directory, (type_, version), "example.json")
        if not path.exists():
            continue
        try:
            known.decode(type_, version, json.loads(path.read_text()))
        except (ValueError, LookupError) as unreadable:
            yield f"{path.relative_to(directory)}: can no longer be read: {unreadable}"


def _wanted(known: Registry, directory: Path) -> dict[Path, str]:
    """The files as they should be."""
    current = {(cls.type, cls.version): schema_of(cls) for cls in known.classes().values()}
    files: dict[Path, str] = {}
    for version, schema in current.items():
        files[_path(directory, version, "json")] = _json(schema)
        golden = _path(directory, version, "example.json")
        if not golden.exists():
            files[golden] = _json(example(schema))
    document = asyncapi({**_published(directory), **current})
    files[directory / "asyncapi.yaml"] = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return files


def _published(directory: Path) -> dict[Version, Mapping[str, Any]]:
    found: dict[Version, Mapping[str, Any]] = {}
    for path in sorted(directory.glob("*/v*.json")):
        if not path.name.endswith(".example.json"):
            found[(path.parent.name, int(path.stem[1:]))] = json.loads(path.read_text())
    return found


def _path(directory: Path, version: Version, ending: str) -> Path:
    return directory / version[0] / f"v{version[1]}.{ending}"


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Exit code 0: all is well; 1: problems, told on standard error; 2: called wrongly."""
    import libs.events.catalog  # noqa: F401 - fills the registry
    from libs.events.registry import registry

    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: python -m libs.events.export [--check]\n")
        return 2
    problems = check(registry) if arguments else export(registry)
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
