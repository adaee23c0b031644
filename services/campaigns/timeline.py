"""A contract's timeline: every step of the deal, from this service's own log with its hashes, and from payments; and whether
the hash chains of the log hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from libs.chassis.rpcs import Reads, Request
from libs.events.catalog.values import ContractId
from libs.events.decider import Decider, not_found
from libs.events.envelope import GENESIS, Commit, iso, recorded
from libs.events.ports import Document
from services.campaigns.domain.contract import contract
from services.campaigns.domain.contract_state import Absent
from services.campaigns.domain.policy import Policy

SERVICE = "campaigns"

S = TypeVar("S")


class GetContractTimeline(Request):
    contract_id: ContractId


async def contract_timeline(request: GetContractTimeline, reads: Reads) -> Document:
    """For the parties of the contract and operators; not found for everyone else."""
    rules, agreed = contract(Policy()), await reads.log.stream(request.contract_id)
    state = state_of(rules, agreed)
    if isinstance(state, Absent) or not rules.visible(state, reads.actor):
        raise not_found("contract")
    talked = await reads.log.stream(state.deal.engagement_id)
    paid = await reads.views.one("timelines", request.contract_id) or {"steps": []}
    steps = [*_steps(talked), *_steps(agreed), *paid["steps"]]
    chain = {
        "valid": unbroken(talked) and unbroken(agreed),
        "commits": len(talked) + len(agreed),
        "head": agreed[-1].hash,
    }
    ordered = sorted(steps, key=lambda step: (step["at"], step["service"], step["position"], step["version"]))
    return {"contract_id": request.contract_id, "steps": ordered, "chain": chain}


def state_of(rules: Decider[Any, S, Any], commits: Sequence[Commit]) -> S:
    """The state that a stream's commits make."""
    return rules.fold(event.data for commit in commits for event in recorded(commit, SERVICE))


def unbroken(commits: Sequence[Commit]) -> bool:
    """Every commit of the stream is what its hash says, follows the one before, and none is missing in between."""
    prev, version = GENESIS, 0
    for commit in commits:
        if commit.prev != prev or commit.first != version + 1 or commit.recompute() != commit.hash:
            return False
        prev, version = commit.hash, commit.last
    return True


def _steps(commits: Sequence[Commit]) -> Iterator[Document]:
    for commit in commits:
        for offset, event in enumerate(commit.events):
            yield {
                "at": iso(commit.at),
                "type": event.type,
                "actor": commit.meta.actor,
                "service": SERVICE,
                "stream": commit.stream,
                "version": commit.first + offset,
                "position": commit.position,
                "hash": commit.hash,
            }
