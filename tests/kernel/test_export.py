"""The published language as files: what data teams build on does not break, and what is committed is what the code says."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import Field

import libs.events.catalog  # noqa: F401 - fills the registry
from libs.events.compatibility import incompatibilities
from libs.events.envelope import NO_MARK, schema_address, store_events, to_cloudevent
from libs.events.export import SCHEMAS, check, export, schema_of
from libs.events.registry import Event, Personal, Registry, event, registry
from tests.kernel.jars import JARS
from tests.kernel.memory_world import World

OLD: dict[str, Any] = {
    "type": "object",
    "required": ["id", "amount"],
    "$defs": {"Money": {"type": "object", "properties": {"cents": {"type": "integer", "minimum": 0, "maximum": 9}}}},
    "properties": {
        "id": {"type": "string", "pattern": "^a$", "minLength": 1, "maxLength": 9, "x-personal": True},
        "amount": {"$ref": "#/$defs/Money"},
        "kind": {"enum": ["a", "b"], "type": "string"},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 9}, "maxItems": 9},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "free": {"type": "string"},
        "shares": {"type": "object", "additionalProperties": {"type": "number", "maximum": 1}},
    },
}
MONEY = ("$defs", "Money", "properties", "cents")


def changed(*path: str, **values: Any) -> dict[str, Any]:
    """OLD with keywords set at a path; None takes one away."""
    schema = copy.deepcopy(OLD)
    at = schema
    for step in path:
        at = at[step]
    for name, value in values.items():
        if value is None:
            del at[name]
        else:
            at[name] = value
    return schema


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (changed("properties", free=None), "free: removed or renamed"),
        (changed("properties", free=None, liberty={"type": "string"}), "free: removed or renamed"),
        (changed("properties", "free", type="integer"), "free: retyped from string to integer"),
        (changed("properties", amount={"type": "string"}), "amount: retyped"),
        (changed(required=["id", "amount", "free"]), "free: newly required"),
        (changed("properties", "id", pattern="^b$"), "id: pattern changed"),
        (changed("properties", "free", pattern="^b$"), "free: pattern changed from None"),
        (changed("properties", "free", format="uri"), "free: format changed"),
        (changed("properties", "id", maxLength=8), "id: maxLength narrowed from 9 to 8"),
        (changed("properties", "id", minLength=2), "id: minLength narrowed"),
        (changed("properties", "free", maxLength=10), "free: maxLength narrowed from None"),
        (changed("properties", "tags", maxItems=8), "tags: maxItems narrowed"),
        (changed("properties", "tags", "items", maxLength=8), r"tags\[\]: maxLength narrowed"),
        (changed("properties", "shares", additionalProperties={"type": "number", "maximum": 0.5}), r"shares\[\]: maximum"),
        (changed("properties", "shares", additionalProperties=False), "shares: additionalProperties narrowed"),
        (changed(*MONEY, minimum=1), "amount.cents: minimum narrowed"),
        (changed(*MONEY, maximum=8), "amount.cents: maximum narrowed"),
        (changed(*MONEY, multipleOf=5), "amount.cents: multipleOf changed"),
        (changed("properties", "kind", enum=["a"]), "kind: enum narrowed, without b"),
        (changed("properties", "free", enum=["a"]), "free: enum narrowed"),
        (changed("properties", note={"type": "string"}), "note: retyped from null to string"),
        (changed("properties", free={"anyOf": [{"type": "string"}, {"type": "null"}]}), "free: retyped, more alternatives"),
        (changed("properties", "id", **{"x-personal": None}), "id: is no longer marked as personal"),
    ],
)
def test_a_change_that_breaks_a_reader_or_a_stored_event_is_refused(new: dict[str, Any], told: str) -> None:
    import re

    problems = incompatibilities(OLD, new)
    assert len(problems) == 1
    assert re.match(told, problems[0])


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        changed("properties", more={"type": "string", "default": ""}),
        changed("properties", "kind", enum=["a", "b", "c"]),
        changed("properties", "id", maxLength=10),
        changed("properties", "tags", maxItems=None),
        changed(*MONEY, minimum=-1, maximum=10),
        changed("properties", "free", description="told better"),
        changed("properties", "free", **{"x-personal": True}),
    ],
)
def test_a_change_that_only_adds_is_compatible(new: dict[str, Any]) -> None:
    assert incompatibilities(OLD, new) == []


# --- files ------------------------------------------------------------------------------------------------------------


def registry_with(build: Callable[[Registry], object]) -> Registry:
    made = Registry()
    build(made)
    return made


def first(into: Registry) -> object:
    @event("limelight.shop.Sold", version=1, into=into)
    class Sold(Event):
        """Something was sold."""

        shop_id: str
        buyer: Personal[str]
        cents: Annotated[int, Field(ge=0)] = 0

    return Sold


def without_a_field(into: Registry) -> object:
    @event("limelight.shop.Sold", version=1, into=into)
    class Sold(Event):
        """Something was sold."""

        shop_id: str
        cents: Annotated[int, Field(ge=0)] = 0

    return Sold


def with_a_field_more(into: Registry) -> object:
    @event("limelight.shop.Sold", version=1, into=into)
    class Sold(Event):
        """Something was sold."""

        shop_id: str
        buyer: Personal[str]
        cents: Annotated[int, Field(ge=0)] = 0
        note: str = ""

    return Sold


def second_version(into: Registry) -> object:
    @event("limelight.shop.Sold", version=2, into=into)
    class Sold(Event):
        """Something was sold."""

        shop_id: str
        total: int

    into.add_upcaster("limelight.shop.Sold", 1, lambda data: {"shop_id": data["shop_id"], "total": data["cents"]})
    return Sold


def without_an_upcaster(into: Registry) -> object:
    @event("limelight.shop.Sold", version=2, into=into)
    class Sold(Event):
        shop_id: str
        total: int

    return Sold


def test_an_export_is_complete_valid_and_repeatable(tmp_path: Path) -> None:
    known = registry_with(first)
    assert export(known, tmp_path) == []
    assert check(known, tmp_path) == []
    schema = json.loads((tmp_path / "limelight.shop.Sold/v1.json").read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == schema_address("limelight.shop.Sold", 1)
    assert schema["description"] == "Something was sold."
    assert schema["properties"]["buyer"]["x-personal"] is True
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    assert len(before) == 3
    export(known, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()} == before


def test_a_stale_export_is_found_out(tmp_path: Path) -> None:
    export(registry_with(first), tmp_path)
    newer = registry_with(with_a_field_more)
    assert check(newer, tmp_path) == ["limelight.shop.Sold/v1.json: is stale: run `python -m libs.events.export`"]
    assert export(newer, tmp_path) == []
    assert check(newer, tmp_path) == []


@pytest.mark.parametrize("name", ["limelight.shop.Sold/v1.json", "limelight.shop.Sold/v1.example.json", "asyncapi.yaml"])
def test_a_file_that_is_missing_is_found_out(tmp_path: Path, name: str) -> None:
    known = registry_with(first)
    export(known, tmp_path)
    (tmp_path / name).unlink()
    assert f"{name}: is stale: run `python -m libs.events.export`" in check(known, tmp_path)


def test_an_incompatible_change_is_refused_and_not_exported(tmp_path: Path) -> None:
    export(registry_with(first), tmp_path)
    before = (tmp_path / "limelight.shop.Sold/v1.json").read_text()
    broken = registry_with(without_a_field)
    told = "limelight.shop.Sold/v1.json: buyer: removed or renamed"
    assert check(broken, tmp_path) == [told]
    assert export(broken, tmp_path) == [told]
    assert (tmp_path / "limelight.shop.Sold/v1.json").read_text() == before


def test_a_version_that_was_published_cannot_leave_the_catalog(tmp_path: Path) -> None:
    export(registry_with(first), tmp_path)
    assert "limelight.shop.Sold/v1.json: was published and is no longer in the catalog" in check(Registry(), tmp_path)


def test_a_new_version_stands_beside_the_old_one_whose_example_stays_and_is_still_read(tmp_path: Path) -> None:
    export(registry_with(first), tmp_path)
    golden = (tmp_path / "limelight.shop.Sold/v1.example.json").read_text()
    newer = registry_with(second_version)
    assert export(newer, tmp_path) == []
    assert check(newer, tmp_path) == []
    assert (tmp_path / "limelight.shop.Sold/v1.example.json").read_text() == golden
    document = yaml.safe_load((tmp_path / "asyncapi.yaml").read_text())
    assert set(document["components"]["messages"]) == {"Sold.v1", "Sold.v2"}


def test_a_new_version_without_an_upcaster_fails_on_the_old_ones_example(tmp_path: Path) -> None:
    export(registry_with(first), tmp_path)
    problems = export(registry_with(without_an_upcaster), tmp_path)
    assert len(problems) == 1
    assert problems[0].startswith("limelight.shop.Sold/v1.example.json: can no longer be read")


def test_an_example_is_written_once_and_kept(tmp_path: Path) -> None:
    known = registry_with(first)
    export(known, tmp_path)
    golden = tmp_path / "limelight.shop.Sold/v1.example.json"
    golden.write_text('{"shop_id": "mine", "buyer": "Ana", "cents": 3}\n')
    assert export(known, tmp_path) == []
    assert json.loads(golden.read_text())["shop_id"] == "mine"


# --- the catalog ------------------------------------------------------------------------------------------------------

GOLDEN = sorted(SCHEMAS.glob("*/*.example.json"))


def test_the_committed_schemas_are_those_of_the_catalog() -> None:
    assert check(registry) == []


def test_the_command_says_the_same() -> None:
    ran = subprocess.run([sys.executable, "-m", "libs.events.export", "--check"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_every_event_version_has_an_example() -> None:
    assert len(GOLDEN) >= len(registry.classes()) > 50


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}-{path.name.partition('.')[0]}")
def test_a_golden_example_is_valid_and_is_read_by_todays_code(path: Path) -> None:
    data = json.loads(path.read_text())
    version = int(path.name.removeprefix("v").partition(".")[0])
    schema = json.loads((path.parent / f"v{version}.json").read_text())
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(data)
    assert registry.decode(path.parent.name, version, data).type == path.parent.name


def test_what_is_published_is_valid_by_its_schema() -> None:
    for cls in registry.classes().values():
        golden = json.loads((SCHEMAS / cls.type / f"v{cls.version}.example.json").read_text())
        stored = store_events("00000000-0000-0000-0000-000000000001", [cls.model_validate(golden)])[0]
        Draft202012Validator(schema_of(cls)).validate(stored.data)


def test_asyncapi_tells_topics_keys_partitions_and_headers() -> None:
    document = yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text())
    assert document["asyncapi"] == "3.1.0"
    assert set(document["channels"]) == {cls.owner() for cls in registry.classes().values()}
    channel = document["channels"]["campaigns"]
    assert channel["address"] == "limelight.campaigns.events.v1"
    assert channel["bindings"]["kafka"]["partitions"] == 12
    for message in channel["messages"].values():
        name = message["$ref"].rpartition("/")[2]
        schema = SCHEMAS / document["components"]["messages"][name]["payload"]["schema"]["$ref"]
        assert json.loads(schema.read_text())["$schema"].endswith("2020-12/schema")


async def test_the_headers_that_asyncapi_tells_are_those_that_are_sent() -> None:
    told = yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text())["components"]["messageTraits"]["cloudEvent"]["headers"]
    world = World()
    await world.open(0)
    headers, _ = to_cloudevent((await world.log.read(0, 1))[0], 0, "jars", NO_MARK)
    sent = {name: value.decode() for name, value in headers}
    Draft202012Validator(told).validate(sent)
    assert sent.keys() <= told["properties"].keys()
    assert JARS.classes()
