"""A service's table of contents against its protos: what does not fit is said at start, all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor
from pydantic import BaseModel

from libs.chassis.descriptors import Method
from libs.chassis.endpoints import AS_OF, MIN_POSITION
from libs.chassis.rpcs import Aggregate, BatchRpc, CommandRpc, GetRpc, QueryRpc, Rpc, Told, WatchRpc, WebhookRpc
from libs.events.decider import Command

STAMPED = frozenset({"actor", "at"})


class TableError(Exception):
    """The table of contents and the protos do not say the same."""


def check(
    methods: Mapping[str, Method], rpcs: Mapping[str, Rpc], aggregates: Sequence[Aggregate], read_models: Sequence[str]
) -> None:
    """Raises `TableError` with every misfit."""
    misfits = [f"{name}: in the protos, not in the table" for name in methods.keys() - rpcs.keys()]
    misfits += [f"{name}: in the table, not in the protos" for name in rpcs.keys() - methods.keys()]
    names = frozenset(read_models)
    for name in sorted(methods.keys() & rpcs.keys()):
        misfits += [f"{name}: {misfit}" for misfit in _misfits(methods[name], rpcs[name], aggregates, names)]
    if misfits:
        raise TableError("\n".join(sorted(misfits)))


def aggregate_of(command: type[Command], aggregates: Sequence[Aggregate]) -> Aggregate:
    """The aggregate whose decider takes the command. Raises `TableError`."""
    for aggregate in aggregates:
        if command in aggregate.decider.command_types():
            return aggregate
    raise TableError(f"no aggregate takes {command.__name__}")


def shown(decider: Any, aggregates: Sequence[Aggregate]) -> Aggregate:
    for aggregate in aggregates:
        if aggregate.decider is decider:
            return aggregate
    raise TableError(f"{decider.name} is no aggregate of this service")


def _misfits(method: Method, rpc: Rpc, aggregates: Sequence[Aggregate], read_models: frozenset[str]) -> Iterator[str]:
    if method.streaming != isinstance(rpc, WatchRpc):
        yield "only a watch answers with a stream, and it always does"
    given = frozenset(method.input.fields_by_name)
    try:
        match rpc:
            case CommandRpc():
                yield from _command(rpc, aggregate_of(rpc.command, aggregates), given)
            case BatchRpc():
                yield from _batch(rpc, aggregate_of(rpc.command, aggregates), method.input, method.output)
            case GetRpc():
                yield from _differences(frozenset({shown(rpc.decider, aggregates).decider.id_field}), given - {AS_OF}, "id")
            case QueryRpc():
                yield from _request(rpc.request, given - {MIN_POSITION})
                unknown = sorted(set(rpc.projections) - read_models)
                if unknown:
                    yield f"waits for read models that this service has not: {', '.join(unknown)}"
                if MIN_POSITION in given and not rpc.projections:
                    yield f"offers {MIN_POSITION} but names no read model to wait for"
            case WatchRpc():
                yield from _request(rpc.request, given)
            case WebhookRpc():
                yield from _differences(frozenset(Told.__slots__), given, "a webhook")
                if not method.public:
                    yield "a webhook proves itself by its signature, so it must be public"
    except TableError as error:
        yield str(error)


def _command(rpc: CommandRpc, aggregate: Aggregate, given: frozenset[str]) -> Iterator[str]:
    id_field = aggregate.decider.id_field
    if rpc.id == "party" and id_field in given:
        yield f"{id_field} comes from the token, so the request must not have it"
    yield from _input(rpc.command, given, made=frozenset({id_field}))


def _batch(rpc: BatchRpc, aggregate: Aggregate, input: Descriptor, output: Descriptor) -> Iterator[str]:
    items = input.fields_by_name.get(rpc.items)
    if items is None or items.message_type is None:
        yield f"the request has no list of messages {rpc.items}"
        return
    given = frozenset(input.fields_by_name) - {rpc.items} | frozenset(items.message_type.fields_by_name)
    yield from _input(rpc.command, given, made=frozenset({aggregate.decider.id_field}))
    if "results" not in output.fields_by_name:
        yield "the answer has no results"


def _input(command: type[Command], given: frozenset[str], made: frozenset[str]) -> Iterator[str]:
    """A command's optional fields may stay the service's own; what the request has, the command must take."""
    taken = frozenset(command.model_fields) - STAMPED
    needed = frozenset(name for name in taken if command.model_fields[name].is_required()) - made
    yield from _list("the request lacks", needed - given)
    yield from _list(f"{command.__name__} does not take", given - taken)


def _request(request: type[BaseModel], given: frozenset[str]) -> Iterator[str]:
    yield from _differences(frozenset(request.model_fields), given, request.__name__)


def _differences(taken: frozenset[str], given: frozenset[str], by: str) -> Iterator[str]:
    yield from _list("the request lacks", taken - given)
    yield from _list(f"{by} does not take", given - taken)


def _list(what: str, names: frozenset[str]) -> Iterator[str]:
    if names:
        yield f"{what} {', '.join(sorted(names))}"
