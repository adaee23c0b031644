"""What holds of money whatever happens, in whatever order, however often: real rules and reactions, any interleaving."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterable, Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events.catalog.campaigns import ContractSigned, ContractTerminated, DeliverableAccepted
from libs.events.catalog.payments import FundsDeposited, FundsHeld, PaymentReleased, RefundIssued
from libs.events.catalog.values import Money, Party, Posting
from libs.events.deadlines import Deadline
from libs.events.decider import Actor, Command, Decider, Refusal, Role
from libs.events.ids import derive
from libs.events.memory import ManualClock
from libs.events.reactions import Intent
from libs.events.registry import Event
from libs.events.testing import AT, recorded_of
from services.payments.domain.account import AccountCommand, InUse, RequestDeposit, account
from services.payments.domain.ledger import WORLD_DEPOSITS, balances
from services.payments.domain.outcome import Refused, Succeeded, Unknown
from services.payments.domain.payment import ApproveRelease, Cancelled, Refunded, Released, Requested, payment
from services.payments.ports import Answer
from services.payments.reactions import reactions
from services.payments.settings import Settings
from tests.unit.payments.examples import BRAND, CAMPAIGN, CREATOR, eur

SERVICE = Actor("payments", Role.SERVICE)
CONTRACTS = [f"ctr_0000000001{n:04d}" for n in range(3)]
TOO_EARLY = ("ILLEGAL_TRANSITION", "NOT_FOUND", "NOT_RESERVED")
MOODS = ("done", "refused", "answer lost", "request lost")


class Moody:
    """A provider that is true to its keys. Each new key meets the next mood."""

    def __init__(self, moods: list[str]) -> None:
        self.moods, self.done = moods, dict[str, Money]()
        self.refused, self.lost = set[str](), set[str]()

    async def charge(self, key: str, brand_id: str, amount: Money) -> Answer:
        return self._do(key, amount)

    async def transfer(self, key: str, creator_id: str, amount: Money) -> Answer:
        return self._do(key, amount)

    async def lookup(self, key: str) -> Answer | None:
        if key in self.refused:
            return Refused(reason="no")
        return self._success(key) if key in self.done else None

    def _do(self, key: str, amount: Money) -> Answer:
        if key in self.refused:
            return Refused(reason="no")
        if key not in self.done:
            mood = "done" if key in self.lost else self.moods.pop() if self.moods else "done"
            if mood == "refused":
                self.refused.add(key)
                return Refused(reason="no")
            if mood == "request lost":
                self.lost.add(key)
                return Unknown()
            self.done[key] = amount
            if mood == "answer lost":
                return Unknown()
        return self._success(key)

    def _success(self, key: str) -> Succeeded:
        return Succeeded(provider="moody", reference=key)


class World:
    """One brand's account, its payments, and what is still on its way. Nothing on its way has an order."""

    def __init__(self, moods: list[str]) -> None:
        self.provider = Moody(moods)
        self.reactions = reactions(Settings(), self.provider, ManualClock(AT))
        self.streams: dict[str, list[Event]] = {}
        self.states: dict[str, Any] = {}
        self.under_way: list[Command] = []

    def tell(self, fact: Event) -> None:
        for reaction in self.reactions:
            if isinstance(fact, reaction.to):
                intents = _all_of(reaction.react(recorded_of(fact)))
                self.under_way += [i.command if isinstance(i, Deadline) else i for i in intents]

    def send(self, command: Command) -> bool:
        """False: refused, it is delivered again later."""
        decider: Decider[Any, Any, Any] = account if isinstance(command, AccountCommand) else payment
        stream = self.streams.setdefault(decider.stream(command), [])
        try:
            stamped = command.model_copy(update={"actor": SERVICE, "at": AT})
            events = list(decider.judge(stamped, self.states.get(decider.stream(command), decider.initial)))
        except Refusal as refusal:
            if refusal.code not in TOO_EARLY:
                raise
            return False
        stream += events
        self.states[decider.stream(command)] = decider.fold(events, self.states.get(decider.stream(command)))
        for event in events:
            self.tell(event)
        return True

    def deliver(self, which: int, *, twice: bool) -> None:
        if self.under_way:
            command = self.under_way.pop(which % len(self.under_way))
            if not self.send(command) or twice:
                self.under_way.append(command)

    def settle(self) -> None:
        """Delivers all that is on its way until nothing changes any more."""
        for _ in range(500):
            if not self.under_way:
                return
            waiting, self.under_way = self.under_way, []
            self.under_way += [command for command in waiting if not self.send(command)]
        raise AssertionError(f"still on its way: {self.under_way}")

    def events(self) -> list[Any]:
        return [event for stream in self.streams.values() for event in stream]

    def account(self) -> Any:
        return self.states.get(BRAND, account.initial)

    def payment(self, contract: str) -> Any:
        return self.states.get(derive("pay", contract), payment.initial)


def _all_of(intents: Iterable[Intent] | AsyncIterable[Intent]) -> list[Intent]:
    if not isinstance(intents, AsyncIterable):
        return list(intents)
    collecting = _collect(intents)
    try:
        collecting.send(None)
    except StopIteration as stopped:
        return list(stopped.value)
    raise AssertionError("the provider of this test never waits")


async def _collect(intents: AsyncIterable[Intent]) -> list[Intent]:
    return [intent async for intent in intents]


def check(world: World) -> None:
    """At every moment."""
    events = world.events()
    postings: list[Posting] = [posting for event in events for posting in getattr(event, "postings", ())]
    ledger = balances(postings)
    assert sum(ledger.values()) == 0
    assert all(amount >= 0 for (name, _), amount in ledger.items() if name != WORLD_DEPOSITS), ledger
    state = world.account()
    if isinstance(state, InUse):
        assert all(amount >= 0 for amount in state.available.values())
    for contract in CONTRACTS:
        stream: list[Any] = world.streams.get(derive("pay", contract), [])
        funded = sum(e.amount.amount for e in stream if isinstance(e, FundsHeld))
        released = [e for e in stream if isinstance(e, PaymentReleased)]
        refunded = [e for e in stream if isinstance(e, RefundIssued)]
        assert len(released) + len(refunded) <= 1, "released and refunded, or twice"
        paid = sum(e.creator_amount.amount + e.platform_fee.amount for e in released)
        returned = sum(e.amount.amount + e.kill_fee.amount for e in refunded)
        assert ledger.get((f"contract:{contract}:held", "EUR"), 0) + paid + returned == funded
        effects = [key for key in world.provider.done if key.startswith(f"release/{derive('pay', contract)}/")]
        assert len(effects) + len(refunded) <= 1, "transferred twice, or refunded too"
        assert [e.provider_reference for e in released] in ([], effects)
    deposits = Counter(e.deposit_id for e in events if isinstance(e, FundsDeposited))
    assert all(times == 1 for times in deposits.values())


def fact(kind: str, contract: str, amount: int) -> Event:
    deal = {"contract_id": contract, "campaign_id": CAMPAIGN, "brand_id": BRAND, "creator_id": CREATOR}
    engagement, fee = derive("eng", contract), eur(100)
    match kind:
        case "signed":
            rest = {"engagement_id": engagement, "by": Party.BRAND, "terms_hash": "h", "complete": True}
            return ContractSigned(**deal, **rest, fee=fee)
        case "accepted":
            return DeliverableAccepted(**deal, deliverable_id=derive("dlv", contract, "0"), last=True)
        case _:
            ended = {"engagement_id": engagement, "stage": "active", "reason": "agreed"}
            return ContractTerminated(**deal, **ended, fee=fee, kill_fee=eur(min(amount, 100)))


facts = st.tuples(st.sampled_from(["signed", "accepted", "terminated"]), st.sampled_from(CONTRACTS), st.integers(0, 120))
deposits = st.tuples(st.just("deposit"), st.just(""), st.integers(1, 250))
deliveries = st.tuples(st.just("deliver"), st.booleans(), st.integers(0, 20))
steps = st.lists(st.one_of(facts, deliveries, deliveries, deliveries, deposits), min_size=25, max_size=40)
moods_of_provider = st.lists(st.sampled_from(MOODS), min_size=4, max_size=6)


def two_held_deals(moods: list[str]) -> World:
    """Where it becomes interesting; the third deal is not even signed."""
    world = World([])
    world.send(RequestDeposit(brand_id=BRAND, amount=eur(230)))
    for contract in CONTRACTS[:2]:
        world.tell(fact("signed", contract, 0))
    world.settle()
    world.provider.moods = moods
    return world


def run(world: World, plan: list[tuple[str, Any, int]]) -> None:
    for kind, what, number in plan:
        match kind:
            case "deposit":
                world.send(RequestDeposit(brand_id=BRAND, amount=eur(number)))
            case "deliver":
                world.deliver(number, twice=what)
            case _:
                world.tell(fact(kind, what, number))
        check(world)


@settings(max_examples=60, deadline=None)
@given(steps, moods_of_provider)
def test_no_interleaving_makes_or_loses_money(plan: list[tuple[str, Any, int]], moods: list[str]):
    run(two_held_deals(moods), plan)


@settings(max_examples=60, deadline=None)
@given(steps, moods_of_provider, st.sampled_from(["accepted", "terminated"]))
def test_every_deal_ends_once_faults_end(plan: list[tuple[str, Any, int]], moods: list[str], end: str):
    world = two_held_deals(moods)
    run(world, plan)
    world.provider.moods.clear()
    for contract in CONTRACTS:
        world.tell(fact("signed", contract, 0))
    world.send(RequestDeposit(brand_id=BRAND, amount=eur(1_000)))
    world.send(RequestDeposit(brand_id=BRAND, amount=eur(1_000)))
    settle_with_ends(world, end)
    check(world)
    state = world.account()
    ledger = balances(p for e in world.events() for p in getattr(e, "postings", ()))
    assert state.available["EUR"] == ledger[f"brand:{BRAND}:cash", "EUR"], "what is free is what is there"
    assert (state.reserved, state.queue, state.pending) == ({}, (), {})
    assert all(isinstance(world.payment(contract), Released | Refunded | Cancelled) for contract in CONTRACTS)


def settle_with_ends(world: World, end: str) -> None:
    world.under_way = [c for c in world.under_way if not isinstance(c, ApproveRelease)]
    world.settle()
    for contract in CONTRACTS:
        assert not isinstance(world.payment(contract), Requested), "cash suffices, so nothing waits"
        world.tell(fact(end, contract, 0))
    world.settle()
