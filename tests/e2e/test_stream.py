"""A data team's view: plain aiokafka, the official CloudEvents SDK, and the exported JSON Schemas; nothing of ours."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from jsonschema import Draft202012Validator, FormatChecker

from cli.console import SERVICES
from cli.story import Silent, play
from tests.e2e.marketplace import Marketplace

SCHEMAS = Path(__file__).parents[2] / "libs" / "events" / "schemas"


@cache
def validator(dataschema: str) -> Draft202012Validator:
    """Of the schema that a message names."""
    type_, version = dataschema.split(":")[-2:]
    schema = json.loads((SCHEMAS / type_ / f"v{version}.json").read_text())
    assert schema["$id"] == dataschema
    return Draft202012Validator(schema, format_checker=FormatChecker())


@pytest.fixture(scope="module")
async def told(marketplace: Marketplace) -> Marketplace:
    async with marketplace.api() as api:
        await play(api, Silent(), seed=3, creators=24)
    return marketplace


@pytest.mark.parametrize("service", SERVICES)
async def test_every_message_is_a_cloudevent_that_its_schema_describes(told: Marketplace, service: str) -> None:
    last: dict[str, int] = defaultdict(int)
    seen: set[str] = set()
    for record in await told.published(service):
        event = from_binary_event(KafkaMessage(dict(record.headers), record.key, record.value))
        assert event.get_type().startswith(f"limelight.{service}.")
        assert record.key.decode() == event.get_subject()
        validator(str(event.get_dataschema())).validate(event.get_data())
        if event.get_id() not in seen:  # at least once: the id tells a duplicate
            version = int(event.get_extension("streamversion"))
            assert version == last[record.key] + 1, "in order and without a gap per key"
            last[record.key] = version
            seen.add(event.get_id())
    assert seen
