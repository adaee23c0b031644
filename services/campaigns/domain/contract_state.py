"""What a contract can be, and how its events make it so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from libs.events.catalog.campaigns import (
    CancellationDeclined,
    CancellationProposed,
    ContractActivated,
    ContractDrafted,
    ContractFulfilled,
    ContractSigned,
    ContractTerminated,
    DeliverableAccepted,
)
from libs.events.catalog.values import DeliverableId, Money, Party
from services.campaigns.domain import deliverable
from services.campaigns.domain.deal import Deal, Names
from services.campaigns.domain.deliverable import Deliverable, DeliverableEvent, Planned


@dataclass(frozen=True, slots=True)
class Proposal:
    """One party wants to end the contract."""

    by: Party
    reason: str
    answer_by: datetime


@dataclass(frozen=True, slots=True)
class Absent:
    """No such contract yet."""


@dataclass(frozen=True, slots=True)
class Live:
    """Drafted and not over; it can be cancelled."""

    deal: Deal
    deliverables: Mapping[DeliverableId, Deliverable]
    proposal: Proposal | None


@dataclass(frozen=True, slots=True)
class Drafted(Live):
    """Waits for both signatures."""


@dataclass(frozen=True, slots=True)
class SignedByOne(Live):
    """Waits for the other signature."""

    by: Party


@dataclass(frozen=True, slots=True)
class Signed(Live):
    """Waits for the money."""

    fund_by: datetime


@dataclass(frozen=True, slots=True)
class Active(Live):
    """Work goes on."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """Every deliverable is accepted; waits for the release of the money. Nothing can be cancelled any more."""

    deal: Deal
    deliverables: Mapping[DeliverableId, Deliverable]


@dataclass(frozen=True, slots=True)
class Fulfilled:
    """Done and paid."""

    deal: Deal
    deliverables: Mapping[DeliverableId, Deliverable]


@dataclass(frozen=True, slots=True)
class Terminated:
    """Over before it was fulfilled."""

    deal: Deal
    deliverables: Mapping[DeliverableId, Deliverable]
    signed_by: tuple[Party, ...]
    stage: str
    reason: str
    kill_fee: Money


Contract: TypeAlias = Absent | Drafted | SignedByOne | Signed | Active | Delivered | Fulfilled | Terminated
ContractEvent: TypeAlias = (
    ContractDrafted
    | ContractSigned
    | ContractActivated
    | CancellationProposed
    | CancellationDeclined
    | ContractTerminated
    | ContractFulfilled
    | DeliverableEvent
)


def evolve(state: Contract, event: ContractEvent) -> Contract:
    match event:
        case ContractDrafted():
            planned = {key: Planned(one) for key, one in zip(event.deliverable_ids, event.terms.deliverables, strict=True)}
            return Drafted(_deal(event), planned, None)
        case ContractSigned():
            assert isinstance(state, Drafted | SignedByOne)
            if event.fund_by is not None:
                return Signed(state.deal, state.deliverables, state.proposal, event.fund_by)
            return SignedByOne(state.deal, state.deliverables, state.proposal, event.by)
        case ContractActivated():
            assert isinstance(state, Signed)
            return Active(state.deal, state.deliverables, state.proposal)
        case CancellationProposed():
            assert isinstance(state, Live)
            return replace(state, proposal=Proposal(event.by, event.reason, event.answer_by))
        case CancellationDeclined():
            assert isinstance(state, Live)
            return replace(state, proposal=None)
        case ContractTerminated():
            assert isinstance(state, Live)
            return Terminated(state.deal, state.deliverables, signatures(state), event.stage, event.reason, event.kill_fee)
        case ContractFulfilled():
            assert isinstance(state, Delivered)
            return Fulfilled(state.deal, state.deliverables)
        case _:
            assert isinstance(state, Active)
            return _evolve_deliverable(state, event)


def signatures(state: Contract) -> tuple[Party, ...]:
    """Who has signed."""
    match state:
        case Absent() | Drafted():
            return ()
        case SignedByOne(by=by):
            return (by,)
        case Terminated(signed_by=signed):
            return signed
        case _:
            return (Party.BRAND, Party.CREATOR)


def _evolve_deliverable(state: Active, event: DeliverableEvent) -> Active | Delivered:
    now = deliverable.evolve(state.deliverables[event.deliverable_id], event)
    deliverables = {**state.deliverables, event.deliverable_id: now}
    if isinstance(event, DeliverableAccepted) and event.last:
        return Delivered(state.deal, deliverables)
    return replace(state, deliverables=deliverables)


def _deal(event: ContractDrafted) -> Deal:
    names = Names(
        contract_id=event.contract_id,
        campaign_id=event.campaign_id,
        brand_id=event.brand_id,
        creator_id=event.creator_id,
    )
    return Deal(names, event.engagement_id, event.terms, event.brief, event.terms_hash, event.policy_version, event.sign_by)


def owners(state: Contract) -> frozenset[str] | None:
    if isinstance(state, Absent):
        return None
    return frozenset({state.deal.names["brand_id"], state.deal.names["creator_id"]})
