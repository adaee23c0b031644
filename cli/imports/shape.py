"""The shape of an imported creator, as the gateway reads it: taken from the protos, so that both say the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor

from cli.imports.identity import creator_id_of
from cli.imports.lines import Fault
from libs.chassis import build_protos, descriptors
from libs.chassis.messages import converters
from libs.events.decider import Refusal

Json = dict[str, Any]
Check = Callable[[Any], Json]


@cache
def imported_creator() -> Descriptor:
    """Of `ImportedCreator`; the protos are compiled if they have not been."""
    if not build_protos.OUTPUT.exists():
        build_protos.build()
    protos = descriptors.load(build_protos.OUTPUT)
    methods = {method.name: method for service in protos.of("discovery") for method in service.methods.values()}
    creator = methods["ImportCreators"].input.fields_by_name["creators"].message_type
    assert creator is not None
    return creator


def checker() -> Check:
    """Returns what passes a row's data on once it has the form of a creator, with an id. Raises `Fault` as the gateway would
    refuse it, which would refuse the whole batch."""
    read = converters(imported_creator()).from_json

    def check(data: Any) -> Json:
        try:
            read(data)
        except Refusal as refusal:
            raise Fault(refusal.code, refusal.message, refusal.field) from None
        creator: Json = data
        return creator if creator.get("creatorId") else {**creator, "creatorId": _id_of(creator)}

    return check


def _id_of(creator: Json) -> str:
    accounts = creator.get("accounts") or [{}]
    platform, handle = accounts[0].get("platform"), accounts[0].get("handle")
    if not platform or not handle:
        said = "a row without creatorId is told by its first account: platform and handle are needed"
        raise Fault("CREATOR_UNKNOWN", said, "creatorId")
    return creator_id_of(platform, handle)
