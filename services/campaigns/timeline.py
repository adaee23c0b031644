"""A contract's timeline: every step of the deal, from this service's own log with its hashes, and from payments; and whether
the hash chains of the log hold."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from libs.chassis.rpcs import Reads, Request
from libs.events.catalog.values import ContractId
from libs.events.decider import Decider, not_found
from libs.events.envelope import Commit, iso, recorded
from libs.events.ports import Document
from libs.events.verify import verify_stream
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
    chain = {
        "valid": verify_stream(talked) is None and verify_stream(agreed) is None,
        "commits": len(talked) + len(agreed),
        "head": agreed[-1].hash,
    }
    own = sorted([*_steps(talked), *_steps(agreed)], key=lambda step: (step["position"], step["version"]))
    return {"contract_id": request.contract_id, "steps": in_order(own, paid["steps"]), "chain": chain}


def state_of(rules: Decider[Any, S, Any], commits: Sequence[Commit]) -> S:
    """The state that a stream's commits make."""
    return rules.fold(event.data for commit in commits for event in recorded(commit, SERVICE))


def in_order(*paths: Sequence[Document]) -> list[Document]:
    """Steps of several logs as one story. Each log keeps its own order; between logs the earlier goes first, but no step goes
    before the one that caused it: two services may do their parts within the same millisecond."""
    waiting = [deque(path) for path in paths if path]
    told: list[Document] = []
    while waiting:
        ahead = {step["event_id"] for path in waiting for step in path}
        free = [path for path in waiting if path[0]["caused_by"] not in ahead] or waiting
        told.append(min(free, key=lambda path: path[0]["at"]).popleft())
        waiting = [path for path in waiting if path]
    return told


def _steps(commits: Sequence[Commit]) -> Iterator[Document]:
    for commit in commits:
        for offset, event in enumerate(commit.events):
            yield {
                "event_id": event.id,
                "caused_by": commit.meta.causation_id,
                "at": iso(commit.at),
                "type": event.type,
                "actor": commit.meta.actor,
                "service": SERVICE,
                "stream": commit.stream,
                "version": commit.first + offset,
                "position": commit.position,
                "hash": commit.hash,
            }
