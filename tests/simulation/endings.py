"""How a run must end: with the faults off everything that is under way comes to its end, and what is shown is what happened."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

from libs.events.builds import PROJECTIONS
from libs.events.catalog.discovery import SavedSearchMatched, SearchSaved
from libs.events.deadletter import LETTERS
from libs.events.deadlines import DEADLINES
from libs.events.envelope import Recorded, iso, topic
from libs.events.ids import derive
from libs.events.memory_database import COMMITS
from libs.events.ports import Document
from libs.events.relay import RELAYS
from services.discovery.directory import LISTED, entry
from services.discovery.domain.criteria import Criteria, matches
from tests.simulation.broken import Broken, hold
from tests.simulation.frontends import Sent
from tests.simulation.invariants import Watch, kinds
from tests.simulation.marketplace import SERVICES, Marketplace
from tests.simulation.views import recorded

WITHIN = 600.0
"""Virtual seconds in which a healed marketplace must have settled."""
AGES = timedelta(days=31)
"""Longer than any wait of the policy."""


async def settle(marketplace: Marketplace, watch: Watch, after: str) -> float:
    """Waits until nothing is left to do; returns the virtual seconds that it took. Raises `Broken` where something stays."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while left := unsettled(marketplace, watch):
        hold("a healed marketplace settles", loop.time() - began < WITHIN, f"after {after}: {'; '.join(left[:5])}")
        await asyncio.sleep(0.25)
        watch.look()
    return loop.time() - began


def unsettled(marketplace: Marketplace, watch: Watch) -> list[str]:
    """What is still on its way."""
    left = [f"{replica.name} is down" for replica in marketplace.replicas.values() if not replica.up]
    now = iso(marketplace.clock.now() - timedelta(seconds=3))
    for name in SERVICES:
        database = marketplace.databases[name]
        head = len(database.stored(COMMITS))
        relayed = max((lease["position"] for lease in database.stored(RELAYS)), default=0)
        if relayed < head:
            left.append(f"{name}'s relay is at {relayed} of {head}")
        if missing := len(watch.events(name)) - sum(watch.published.reached[topic(name)].values()):
            left.append(f"{missing} events of {name} are not published")
        left += [f"{name}: due {one['due']} {one['command']}" for one in database.stored(DEADLINES) if one["due"] <= now]
    for name, disk in marketplace.disks.items():
        head = len(marketplace.databases["discovery"].stored(COMMITS))
        if disk.position < head and marketplace.replicas[name].role in ("api", "all"):
            left.append(f"{name}'s directory is at {disk.position} of {head}")
        left += [f"{name} builds a read model anew" for one in database.stored(PROJECTIONS) if one["building"]]
    for group in marketplace.broker.groups():
        if behind := marketplace.broker.behind(group):
            left.append(f"{group} is {behind} behind")
    return left


def nothing_is_parked(marketplace: Marketplace) -> None:
    """There are no events here that cannot be handled."""
    for name in SERVICES:
        for letter in marketplace.databases[name].stored(LETTERS):
            raise Broken("nothing is parked", f"{letter['group']}: {letter['type']} of {letter['place']}: {letter['reason']}")


def every_deal_is_at_rest(watch: Watch) -> None:
    """Each fact has had its consequence, and nothing waits that is not waiting for a person."""
    facts = watch.logs.facts
    for (stream, kind), _ in list(facts.items()):
        match kind:
            case "ContractSigned" if facts[stream, kind] == 2:
                _followed(watch, stream, kind, derive("pay", stream), ("PaymentRequested",))
            case "FundsHeld":
                _followed(watch, stream, kind, derive("ctr", stream), ("ContractActivated", "ContractTerminated"))
            case "ReleaseApproved":
                _followed(watch, stream, kind, stream, ("PaymentReleased",))
            case "PaymentReleased":
                _followed(watch, stream, kind, derive("ctr", stream), ("ContractFulfilled", "ContractTerminated"))
            case "ContractTerminated":
                payment = derive("pay", stream)
                if facts[payment, "FundsHeld"]:
                    _followed(watch, stream, kind, payment, ("RefundIssued", "PaymentReleased"))
            case "OfferAccepted" if facts[stream, kind] > facts[stream, "EngagementReopened"]:
                if not facts[stream, "EngagementDeclined"]:  # as it is when its campaign was cancelled
                    _followed(watch, stream, kind, derive("ctr", stream), ("ContractDrafted",))
            case "EngagementOpened":
                _followed(watch, stream, kind, derive("thr", stream), ("ThreadOpened",))


def every_wait_has_ended(watch: Watch) -> None:
    """Longer than any window later: what nobody answered has ended by itself."""
    facts = watch.logs.facts
    for _, stream in watch.logs.heads:
        if facts[stream, "EngagementOpened"]:
            ended = ("OfferAccepted", "EngagementDeclined", "EngagementExpired")
            hold("every wait has an end", any(facts[stream, one] for one in ended), f"{stream} is still open")
        if facts[stream, "ContractDrafted"]:
            ended = ("ContractActivated", "ContractTerminated")
            hold("every wait has an end", any(facts[stream, one] for one in ended), f"{stream} waits for signatures or money")
        proposed = facts[stream, "CancellationProposed"]
        answered = facts[stream, "CancellationDeclined"] + facts[stream, "ContractTerminated"] + facts[stream, "ContentPosted"]
        hold("every wait has an end", not proposed or answered, f"{stream}: the proposal to cancel is not answered")


def every_creator_has_its_record(watch: Watch) -> None:
    """What other services' facts say of a creator, its track record says, each once."""
    told: Counter[tuple[str, str]] = Counter()
    for commit in watch.logs.commits["campaigns"]:
        for event in commit.events:
            match event.type.rpartition(".")[2]:
                case "ContractFulfilled":
                    told[event.data["creator_id"], "CollaborationFinished"] += 1
                case "EngagementOpened" if event.data["opened_by"] == "brand":
                    told[event.data["creator_id"], "InvitationReceived"] += 1
    facts = watch.logs.facts
    for (creator, kind), times in told.items():
        record = derive("trk", creator)
        hold("every fact about a creator counts once", facts[record, kind] == times, f"{record}: {kind} {facts[record, kind]}")
        answered = facts[record, "InvitationAnswered"] + facts[record, "InvitationWithdrawn"]
        hold("every wait has an end", facts[record, "InvitationReceived"] == answered, f"{record} waits for an answer")


def every_match_is_a_new_one(watch: Watch) -> None:
    """A saved search was told of a creator by an event: the creator matched after it and not before, and it was told once. That
    none was missed cannot be said here: a search hears of what happens once the read model knows it."""
    entries: dict[str, Document] = {}
    changed: dict[str, tuple[Recorded[Any], Document, Document]] = {}
    wanted: dict[str, Criteria] = {}
    told: set[tuple[str, str]] = set()
    for event in recorded("discovery", watch.logs.commits["discovery"]):
        match event.data:
            case SearchSaved(criteria=criteria):
                wanted[event.stream] = Criteria.model_validate(criteria)
            case SavedSearchMatched(source_event_id=source):
                cause, before, after = changed[source]
                asked, seen = wanted[event.stream], f"{event.stream} by {source}"
                hold("a match is one", matches(after, asked, cause.at), f"{seen}: {after}")
                hold("a match is new", not matches(before, asked, cause.at), f"{seen}: {before}")
                hold("one effect per intent", (event.stream, source) not in told, f"{seen} is told twice")
                told.add((event.stream, source))
            case _ if isinstance(event.data, LISTED):
                before = entries.get(event.data.creator_id, {})
                entries[event.data.creator_id] = after = entry(before, event) or {}
                changed[event.id] = (event, before, after)


def _followed(watch: Watch, stream: str, kind: str, other: str, wanted: tuple[str, ...]) -> None:
    there = any(watch.logs.facts[other, one] for one in wanted)
    hold("every fact has its consequence", there, f"{kind} on {stream}, but no {' or '.join(wanted)} on {other}")


def every_effect_is_told(marketplace: Marketplace, watch: Watch) -> None:
    """What the provider moved, the ledger knows; and nobody else can tell it."""
    hold("only the provider tells", not marketplace.happened["webhook: a forged one taken"], "a forged webhook was taken")
    for what in marketplace.happened:
        # 401: the clock jumped while it was on its way, and it is signed anew for the next attempt.
        hold("the provider is heard", not what.startswith("webhook: refused") or what.endswith(" 401"), what)
    for commit in watch.logs.commits["payments"]:
        if commit.meta.causation_id is None and kinds(commit).startswith(("FundsDeposited", "PaymentReleased")):
            marketplace.happened["a webhook came before the answer"] += 1
    for key, moved in marketplace.provider.effects.items():
        hold("one effect per intent", len(moved) == 1, f"{moved[0]} under {key} was done {len(moved)} times")
        hold("one effect per intent", watch.money.told[key] == 1, f"{moved} under {key} is told {watch.money.told[key]} times")


def what_was_told_is_so(watch: Watch, sent: list[Sent]) -> None:
    """What was accepted stands where its answer said; what was refused left nothing."""
    intents = {one.commit_id for one in sent}
    for service, commit in watch.logs.ids.values():
        by_hand = commit.meta.input_hash is not None and not commit.meta.actor.startswith("service:")
        told = f"{service} {commit.position} {kinds(commit)} by {commit.meta.actor}"
        hold("one commit per intent", not by_hand or commit.commit_id in intents, f"{told} is nobody's intent")
    for one in sent:
        if one.path.endswith((":search", ":report", ":import", ":recommendCreators")):
            continue
        found = watch.logs.ids.get(one.commit_id)
        told = f"{one.who.subject} {one.path} {one.key} → {one.status} {one.code}"
        if one.status >= 400:
            hold("a refused command leaves nothing", found is None, f"{told}, but it is committed")
        elif one.status:
            service, position, _ = one.position.split(".")
            commit = watch.logs.commits[service][int(position) - 1] if int(position) else None
            last = commit.last if commit else 0
            stands = last == one.version and (found is None or found[1] is commit)
            hold("an accepted command stands", stands, f"{told}: version {one.version}, at {position} is version {last}")
