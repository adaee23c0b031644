from __future__ import annotations

from typing import Annotated

import grpc
import pytest
from google.rpc.status_pb2 import Status
from pydantic import BaseModel, Field, ValidationError

from libs.chassis.errors import (
    from_rpc_error,
    from_status,
    from_validation,
    grpc_code,
    http_status,
    kind_of,
    refusal_of,
    to_status,
)
from libs.events.decider import Kind, Refusal
from libs.events.ports import ConcurrencyError, Unavailable


def over_the_wire(refusal: Refusal) -> Refusal:
    return from_status(Status.FromString(to_status(refusal).SerializeToString()), kind_of(grpc_code(refusal.kind)))


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_survives_the_wire(kind: Kind) -> None:
    assert over_the_wire(Refusal("SOME_CODE", "what was wrong", kind=kind)).kind is kind


def test_code_message_field_and_details_survive_the_wire() -> None:
    refusal = Refusal(
        "BUDGET_EXCEEDED",
        "too much",
        field="terms.fee",
        most=7,
        left="7",
        name="text",
        legal=["Launch", "Cancel"],
        none=None,
        share=0.5,
    )
    arrived = over_the_wire(refusal)
    assert (arrived.code, arrived.message, arrived.field) == ("BUDGET_EXCEEDED", "too much", "terms.fee")
    assert arrived.details == refusal.details


def test_a_code_without_a_kind_is_internal_here() -> None:
    assert kind_of(grpc.StatusCode.UNKNOWN) is Kind.INTERNAL
    error = grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), "refused")
    assert (from_rpc_error(error).code, from_rpc_error(error).kind) == ("UNAVAILABLE", Kind.UNAVAILABLE)


def test_a_call_that_its_server_cancelled_is_to_be_sent_again() -> None:
    """Found by the chaos suite, seed 7: in a rolling restart under load clients were told 500, and gave up."""
    cut = grpc.aio.AioRpcError(grpc.StatusCode.CANCELLED, grpc.aio.Metadata(), grpc.aio.Metadata(), "CANCELLED")
    assert (from_rpc_error(cut).code, http_status(from_rpc_error(cut))) == ("UNAVAILABLE", 503)


def test_http_statuses_are_the_documented_ones() -> None:
    assert http_status(Refusal("X", "", kind=Kind.ABORTED)) == 409
    assert http_status(Refusal("VERSION_MISMATCH", "", kind=Kind.ABORTED)) == 412
    assert {kind: http_status(Refusal("X", "", kind=kind)) for kind in Kind}[Kind.RESOURCE_EXHAUSTED] == 429


class Money(BaseModel):
    amount: Annotated[int, Field(ge=0)]


class Terms(BaseModel):
    platform_fee: Money
    usage_rights: list[Money]


def violated(within: str = "") -> Refusal:
    with pytest.raises(ValidationError) as error:
        Terms.model_validate({"platform_fee": {"amount": -1}, "usage_rights": [{"amount": 1}, {"amount": "secret"}]})
    return from_validation(error.value, within)


def test_a_validation_error_names_every_field_in_lower_camel_case() -> None:
    refusal = violated()
    assert (refusal.code, refusal.kind, refusal.field) == ("INVALID_FIELD", Kind.INVALID_ARGUMENT, "platformFee.amount")
    assert [violation["field"] for violation in refusal.details["violations"]] == [
        "platformFee.amount",
        "usageRights[1].amount",
    ]
    assert violated("offers[3]").field == "offers[3].platformFee.amount"


def test_a_validation_error_does_not_repeat_the_input() -> None:
    assert "secret" not in repr(violated().details) + violated().message


def test_violations_survive_the_wire() -> None:
    assert over_the_wire(violated()).details["violations"] == violated().details["violations"]


def test_a_huge_refusal_still_fits_into_trailing_metadata() -> None:
    many = [{"field": f"items[{i}]", "message": "m" * 5000} for i in range(500)]
    status = to_status(Refusal("INVALID_FIELD", "x" * 50_000, kind=Kind.INVALID_ARGUMENT, field="items", violations=many))
    assert len(status.SerializeToString()) * 4 / 3 < 8 * 1024
    arrived = over_the_wire(Refusal("X", "too long", most=1, all="y" * 5000))
    assert arrived.details == {"most": 1}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConcurrencyError("cmp_1", 3), Kind.ABORTED),
        (Unavailable("the password is hunter2"), Kind.UNAVAILABLE),
        (TimeoutError(), Kind.DEADLINE_EXCEEDED),
        (MemoryError(), Kind.UNAVAILABLE),
        (RuntimeError("can't start new thread"), Kind.UNAVAILABLE),
        (RuntimeError("hunter2"), Kind.INTERNAL),
        (KeyError("hunter2"), Kind.INTERNAL),
    ],
)
def test_any_failure_becomes_a_refusal_that_tells_nothing_of_the_inside(error: Exception, kind: Kind) -> None:
    refusal = refusal_of(error)
    assert refusal.kind is kind
    assert "hunter2" not in refusal.message
