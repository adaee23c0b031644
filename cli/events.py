"""`limelight events tail`: what happens, as anyone entitled can read it from Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from rich.markup import escape

from cli import state
from cli.console import DATA_DIR, SERVICES, DataDir, fail, out, service_named
from libs.events.envelope import topic
from libs.events.kafka_consumer import SparingConsumer
from libs.events.partitions import PARTITIONS

app = typer.Typer(help="The event stream.", no_args_is_help=True)

BEGINNING, NOW = "beginning", "now"


@app.callback()
def _() -> None:
    """The event stream."""


@app.command()
def tail(
    service: Annotated[str | None, typer.Option(help="Only this one's events.")] = None,
    start: Annotated[str, typer.Option("--from", help="now, beginning, or an RFC 3339 time.")] = NOW,
    following: Annotated[bool, typer.Option("--follow/--no-follow", help="Go on with new ones, or end with the last.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line: attributes and data.")] = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Print events as they happen. They are read as any consumer would: no group, nothing is acknowledged."""
    topics = [topic(name) for name in (SERVICES if service is None else (service_named(service),))]
    moment = _moment(start)
    try:
        asyncio.run(_tail(state.kafka_address(data_dir.resolve()), topics, moment, following, as_json))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except KafkaError as error:
        fail(f"Kafka does not answer: {error}")


@dataclass(frozen=True, slots=True)
class _Seen:
    attributes: dict[str, str]
    data: Any


def _moment(start: str) -> datetime | str:
    if start in (BEGINNING, NOW):
        return start
    try:
        moment = datetime.fromisoformat(start)
    except ValueError:
        fail(f"--from is now, beginning or a time such as 2026-11-22T14:00:00Z, not {start!r}", code=2)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def _tail(kafka: str, topics: list[str], start: datetime | str, following: bool, as_json: bool) -> None:
    consumer = SparingConsumer(bootstrap_servers=kafka, enable_auto_commit=False, client_id="limelight-cli")
    await consumer.start()
    try:
        async for seen in _events(consumer, topics, start, following):
            if as_json:
                print(orjson.dumps({**seen.attributes, "data": seen.data}).decode(), flush=True)
            else:
                _line(seen)
    finally:
        await consumer.stop()


async def _events(consumer: SparingConsumer, topics: list[str], start: datetime | str, following: bool) -> AsyncIterator[_Seen]:
    there = await consumer.topics()
    partitions = [TopicPartition(name, number) for name in topics if name in there for number in range(PARTITIONS)]
    if not partitions:
        fail("there are no topics yet: has a service been started?")
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    for partition, offset in (await _begin(consumer, ends, start)).items():
        consumer.seek(partition, offset)
    while following or await _behind(consumer, ends):
        batches = await consumer.getmany(timeout_ms=200)
        records = [record for batch in batches.values() for record in batch]
        for record in sorted(records, key=lambda record: record.timestamp):
            headers = {name: value.decode(errors="replace") for name, value in record.headers}
            attributes = {name.removeprefix("ce_"): value for name, value in headers.items() if name.startswith("ce_")}
            yield _Seen(attributes, _data(record.value))


async def _begin(
    consumer: SparingConsumer, ends: dict[TopicPartition, int], start: datetime | str
) -> dict[TopicPartition, int]:
    """By partition, as numbers: a `seek_to_beginning` may lose against the consumer's own first look, which goes to the end."""
    if start == BEGINNING:
        beginnings: dict[TopicPartition, int] = await consumer.beginning_offsets(list(ends))
        return beginnings
    if not isinstance(start, datetime):
        return ends
    found = await consumer.offsets_for_times(dict.fromkeys(ends, round(start.timestamp() * 1000)))
    return {partition: found[partition].offset if found.get(partition) else end for partition, end in ends.items()}


async def _behind(consumer: SparingConsumer, ends: dict[TopicPartition, int]) -> bool:
    for partition, end in ends.items():
        if await consumer.position(partition) < end:
            return True
    return False


def _data(value: bytes | None) -> Any:
    try:
        return orjson.loads(value or b"null")
    except orjson.JSONDecodeError:
        return repr(value)


def _line(seen: _Seen) -> None:
    attributes = seen.attributes
    source, _, name = attributes.get("type", "?").removeprefix("limelight.").partition(".")
    head = f"[dim]{attributes.get('time', '')[11:23]}[/] [cyan]{source:<10}[/] [bold]{escape(name)}[/]"
    place = f"[dim]{escape(attributes.get('subject', ''))}@{attributes.get('streamversion', '?')}[/]"
    out.print(f"{head}  {place}  {escape(orjson.dumps(seen.data).decode())}", soft_wrap=True)
