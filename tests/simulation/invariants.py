"""What must hold at every moment, looked at after every step: each look judges only what has come since the last."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from libs.events.commit_documents import commit_of
from libs.events.envelope import GENESIS, Commit, topic
from libs.events.ids import derive
from libs.events.memory_database import COMMITS
from libs.events.progress import Place, Reached, sift
from tests.simulation.broken import hold
from tests.simulation.broker import Broker
from tests.simulation.marketplace import SERVICES, Marketplace
from tests.simulation.views import Views

ONCE = frozenset(
    {
        *(
            "BrandVerified",
            "CampaignLaunched",
            "EngagementOpened",
            "ContractDrafted",
            "ContractActivated",
            "ContractTerminated",
        ),
        *("ContractFulfilled", "PaymentRequested", "FundsHeld", "PaymentReleased", "RefundIssued", "PaymentCancelled"),
        *("ThreadOpened", "CampaignCancelled", "EngagementDeclined", "EngagementExpired"),
    }
)
"""Facts that a stream can hold only once."""
ONE_END = frozenset({"PaymentReleased", "RefundIssued", "PaymentCancelled"})
"""A payment ends in one way."""


@dataclass
class Logs:
    """Every service's commits, as far as they were looked at."""

    marketplace: Marketplace
    commits: dict[str, list[Commit]] = field(default_factory=lambda: {name: [] for name in SERVICES})
    heads: dict[tuple[str, str], Commit] = field(default_factory=dict)
    """(service, stream) -> its last commit."""
    ids: dict[str, tuple[str, Commit]] = field(default_factory=dict)
    """Commit id -> service and commit."""
    facts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(stream, kind of event) -> how often."""

    def news(self, service: str) -> list[Commit]:
        """What was committed since the last look, judged: gapless, chained, one commit per id."""
        seen = self.commits[service]
        news = [commit_of(found) for found in self.marketplace.databases[service].stored(COMMITS, len(seen))]
        for commit in news:
            self._judge(service, commit, len(seen) + 1)
            seen.append(commit)
        return news

    def _judge(self, service: str, commit: Commit, position: int) -> None:
        told = f"{service} {commit.position} {commit.stream} {commit.first}–{commit.last} {kinds(commit)}"
        self.marketplace.trace.note(service, f"committed {told} by {commit.meta.actor}")
        hold("positions have no gap", commit.position == position, f"{told}, expected position {position}")
        head = self.heads.get((service, commit.stream))
        last, hash_ = (head.last, head.hash) if head else (0, GENESIS)
        hold("versions have no gap", commit.first == last + 1, f"{told} follows version {last}")
        hold("versions have no gap", commit.last == last + len(commit.events), told)
        hold("the hash chain", commit.prev == hash_ and commit.recompute() == commit.hash, told)
        hold("one commit per intent", commit.commit_id not in self.ids, f"{told}: id {commit.commit_id} was committed before")
        self.heads[service, commit.stream] = commit
        self.ids[commit.commit_id] = (service, commit)
        for event in commit.events:
            kind = event.type.rpartition(".")[2]
            self.facts[commit.stream, kind] += 1
            self.marketplace.happened[f"fact {kind}"] += 1
            if kind in ONCE:
                hold("one effect per intent", self.facts[commit.stream, kind] == 1, f"{kind} again: {told}")
        ends = sum(self.facts[commit.stream, kind] for kind in ONE_END) if commit.stream.startswith("pay_") else 0
        hold("refund and release exclude each other", ends <= 1, told)


@dataclass
class Money:
    """The ledger, posting by posting, beside what the provider really did."""

    marketplace: Marketplace
    logs: Logs
    balances: Counter[tuple[str, str]] = field(default_factory=Counter)
    funded: Counter[str] = field(default_factory=Counter)
    spent: Counter[str] = field(default_factory=Counter)
    unknown: set[str] = field(default_factory=set)
    """Keys whose outcome nobody knows, and that nobody has looked up since."""
    told: Counter[str] = field(default_factory=Counter)
    """Provider's reference -> facts that name it."""

    def judge(self, commit: Commit) -> None:
        for event in commit.events:
            kind, data = event.type.rpartition(".")[2], event.data
            for posting in data.get("postings", ()):
                self._post(posting, commit)
            self._effects(kind, data)
            self._looked_up(kind, commit, data)
            if kind == "FundsHeld":
                self.funded[data["contract_id"]] += data["amount"]["amount"]
            if kind in ("PaymentReleased", "RefundIssued"):
                self.spent[data["contract_id"]] += _paid(data)
                contract = data["contract_id"]
                hold(
                    "held + released + refunded = funded",
                    self.balances[f"contract:{contract}:held", data["amount"]["currency"]] == 0
                    and self.spent[contract] == self.funded[contract],
                    f"{contract}: funded {self.funded[contract]}, spent {self.spent[contract]}",
                )

    def _post(self, posting: Mapping[str, Any], commit: Commit) -> None:
        amount, currency = posting["amount"]["amount"], posting["amount"]["currency"]
        hold("money is conserved", amount > 0, f"a posting of {amount} in {commit.stream}")
        for account, change in ((posting["debit"], -amount), (posting["credit"], amount)):
            self.balances[account, currency] += change
            left = self.balances[account, currency]
            hold("no account below zero", left >= 0 or account.startswith("world:"), f"{account}: {left}, {commit.stream}")
        of_currency = sum(left for (_, other), left in self.balances.items() if other == currency)
        hold("money is conserved", of_currency == 0, f"{currency} sums to {of_currency}")

    def _effects(self, kind: str, data: Mapping[str, Any]) -> None:
        effects = self.marketplace.provider.effects
        if kind in ("FundsDeposited", "PaymentReleased"):
            key = data["provider_reference"].removeprefix("sim/")
            self.told[key] += 1
            done = effects.get(key, ())
            moved = data["amount" if kind == "FundsDeposited" else "creator_amount"]
            hold("money is what the provider moved", done, f"{kind} of {key}: the provider did nothing")
            hold("money is what the provider moved", done[0].amount.model_dump() == moved, f"{key}")
            hold("one effect per intent", self.told[key] == 1, f"{key} is told twice")
        if kind == "DepositFailed":
            hold("what was done is not called failed", data["deposit_id"] not in effects, f"{kind} {data['deposit_id']}")

    def _looked_up(self, kind: str, commit: Commit, data: Mapping[str, Any]) -> None:
        """An unknown outcome is looked up before anything else is said of it: because it was time to, which is a fact, or
        because a webhook came, which is none."""
        key = data.get("deposit_id") or commit.stream
        match kind:
            case "PaymentOutcomeUnknown" | "DepositOutcomeUnknown":
                self.unknown.add(key)
                self.marketplace.happened["an outcome was unknown"] += 1
            case "TransferLookupStarted" | "DepositLookupStarted":
                self.unknown.discard(key)
            case "ReleaseFailed" | "DepositFailed":
                asked_for = data.get("deposit_id") or f"release/{commit.stream}/{data['attempt']}"
                by_webhook = commit.meta.causation_id is None and self.marketplace.provider.looked[asked_for]
                hold("an unknown outcome is looked up", key not in self.unknown or by_webhook, f"{kind} of {key}")


def _paid(data: Mapping[str, Any]) -> int:
    """What leaves a contract's hold."""
    paid = sum(data[name]["amount"] for name in ("creator_amount", "platform_fee") if name in data)
    return paid or data["amount"]["amount"] + data["kill_fee"]["amount"]


@dataclass
class Deals:
    """Facts that may only follow others."""

    logs: Logs
    released: set[str] = field(default_factory=set)
    budgets: dict[str, int] = field(default_factory=dict)
    committed: Counter[str] = field(default_factory=Counter)

    def judge(self, commit: Commit) -> None:
        for event in commit.events:
            kind, data = event.type.rpartition(".")[2], event.data
            contract = data.get("contract_id", "")
            if kind == "ContractActivated":
                paid = self.logs.facts[derive("pay", contract), "FundsHeld"]
                hold("active only when the money is held", paid and self._signed(contract), contract)
            elif kind == "ReleaseApproved":
                hold("released only when accepted", self.logs.facts[contract, "DeliverableAccepted"], contract)
            elif kind == "ContractFulfilled":
                hold("fulfilled only when released", self.logs.facts[derive("pay", contract), "PaymentReleased"], contract)
            elif kind == "CampaignDrafted" and data.get("budget"):
                self.budgets[commit.stream] = data["budget"]["amount"]
            elif kind == "BudgetCommitted":
                self.committed[commit.stream] += data["terms"]["fee"]["amount"]
                within = self.committed[commit.stream] <= self.budgets[commit.stream]
                hold("a budget is never over-committed", within, f"{commit.stream}: {self.committed[commit.stream]}")
            elif kind == "BudgetFreed":
                self.committed[commit.stream] -= data["fee"]["amount"]

    def _signed(self, contract: str) -> bool:
        return self.logs.facts[contract, "ContractSigned"] >= 2


@dataclass
class Published:
    """What stands in the topics, as it came: only what is committed, per stream in order, but for what comes too early and says
    so."""

    broker: Broker
    logs: Logs
    happened: Counter[str]
    seen: dict[tuple[str, int, int], int] = field(default_factory=dict)
    reached: defaultdict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    """Topic -> stream -> the last version that came for the first time."""
    places: dict[Place, Reached] = field(default_factory=dict)
    """How far one is who has read all of it."""

    def judge(self, service: str, known: set[str]) -> None:
        name = topic(service)
        arrived = list(self.broker.arrived(name, self.seen))
        for delivery in arrived:
            id_ = delivery.headers["ce_id"].decode()
            hold("published is committed", id_ in known, f"{name}/{delivery.partition}: {id_} of {delivery.key}")
        sifted = sift(arrived, self.places)
        self.places |= sifted.reached
        self.happened["a page came too early"] += bool(sifted.early)
        again, early = ({(one.partition, one.offset) for one in some} for some in (sifted.again, sifted.early))
        for delivery in arrived:
            place = (delivery.partition, delivery.offset)
            if place in early:
                continue
            version, before = int(delivery.headers["ce_streamversion"]), self.reached[name].get(delivery.key, 0)
            told = f"{name}: {delivery.key} {version} came after {before}"
            hold("order per stream", version <= before + 1, told)
            hold("order per stream", place not in again or version <= before, f"{told}, and is passed over")
            self.reached[name][delivery.key] = max(before, version)

    def lost(self, service: str) -> None:
        self.reached.pop(topic(service), None)
        self.places = {place: to for place, to in self.places.items() if place[0] != topic(service)}


class Watch:
    """All of them. `look` raises `Broken`."""

    def __init__(self, marketplace: Marketplace) -> None:
        self.marketplace = marketplace
        self.logs = Logs(marketplace)
        self.money = Money(marketplace, self.logs)
        self.deals = Deals(self.logs)
        self.published = Published(marketplace.broker, self.logs, marketplace.happened)
        self.views = Views(marketplace)
        self._events: dict[str, set[str]] = {name: set() for name in SERVICES}

    def look(self) -> None:
        news = {name: self.logs.news(name) for name in SERVICES}
        for name, commits in news.items():
            self._events[name].update(event.id for commit in commits for event in commit.events)
            self.views.learn(name, commits)
        for commit in news["payments"]:
            self.money.judge(commit)
        for commit in (*news["campaigns"], *news["payments"]):
            self.deals.judge(commit)
        for name in SERVICES:
            self.published.judge(name, self._events[name])
        self.views.judge()
        for replica in self.marketplace.replicas.values():
            hold("no process ends by itself", replica.crashed is None, f"{replica.name}: {replica.crashed!r}")

    def events(self, service: str) -> set[str]:
        return self._events[service]


def kinds(commit: Commit) -> str:
    return "+".join(event.type.rpartition(".")[2] for event in commit.events)
