"""The rules and reactions of this service played together, without a store: commands in, and all that follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from libs.events.catalog.campaigns import ContractSigned, ContractTerminated, DeliverableAccepted
from libs.events.catalog.payments import FundsHeld, PaymentReleased
from libs.events.deadlines import Deadline
from libs.events.decider import Actor, Command, Decider, Refusal
from libs.events.ids import derive
from libs.events.registry import Event
from libs.events.testing import AT, reacts
from services.campaigns.domain.policy import Policy
from services.campaigns.reactions import REACTIONS
from services.campaigns.servicer import contents
from tests.unit.campaigns.examples import AS_SERVICE

RULES: tuple[Decider[Any, Any, Any], ...] = tuple(aggregate.decider for aggregate in contents(Policy())[1])


def rules_of(command: Command) -> Decider[Any, Any, Any]:
    return next(rules for rules in RULES if isinstance(command, rules.command_types()))


@dataclass(slots=True)
class Marketplace:
    """`funded`: payments holds what is asked for, at once."""

    funded: bool = True
    now: datetime = AT
    streams: dict[str, list[Event]] = field(default_factory=dict)
    deadlines: list[Deadline] = field(default_factory=list)
    held: dict[str, Any] = field(default_factory=dict)

    def state(self, command_or_rules: Decider[Any, Any, Any], stream: str) -> Any:
        return command_or_rules.fold(self.streams.get(stream, []))

    def send(self, command: Command, actor: Actor = AS_SERVICE) -> tuple[Event, ...]:
        """Decides, and plays everything that follows. Raises the refusal."""
        rules = rules_of(command)
        stream = rules.stream(command)
        stamped = command.model_copy(update={"actor": actor, "at": self.now})
        decided = tuple(rules.judge(stamped, self.state(rules, stream)))
        self.streams.setdefault(stream, []).extend(decided)
        for event in decided:
            self._follow(event)
            if (paid := self._pay(event)) is not None:
                self._follow(paid)
        return decided

    def pass_to(self, when: datetime) -> None:
        """Time passes; what is due is sent, in order."""
        while due := sorted((one for one in self.deadlines if one.due <= when), key=lambda one: one.due):
            self.deadlines.remove(due[0])
            self.now = max(self.now, due[0].due)
            self._must(due[0].command)
        self.now = max(self.now, when)

    def _follow(self, event: Event) -> None:
        for reaction in REACTIONS:
            if isinstance(event, reaction.to):
                for intent in reacts(reaction, event, at=self.now):
                    if isinstance(intent, Deadline):
                        self.deadlines.append(intent)
                    else:
                        self._must(intent)

    def _must(self, command: Command) -> None:
        """What a fact or a deadline sends is never refused: it would be parked with all that follows on its stream."""
        try:
            self.send(command)
        except Refusal as refusal:
            raise AssertionError(f"{type(command).__name__} of a reaction was refused") from refusal

    def _pay(self, event: Event) -> Event | None:
        match event:
            case ContractSigned(complete=True, contract_id=contract, fee=fee) if self.funded:
                self.held[contract] = fee
                return FundsHeld(**self._payment(event), amount=fee, postings=())
            case ContractTerminated(contract_id=contract):
                self.held.pop(contract, None)
            case DeliverableAccepted(last=True, contract_id=contract):
                fee = self.held.pop(contract)
                said = {"amount": fee, "creator_amount": fee, "platform_fee": fee - fee}
                return PaymentReleased(**self._payment(event), **said, provider="s", provider_reference="1", postings=())
        return None

    def _payment(self, event: ContractSigned | DeliverableAccepted) -> dict[str, str]:
        return {
            "payment_id": derive("pay", event.contract_id),
            "contract_id": event.contract_id,
            "campaign_id": event.campaign_id,
            "brand_id": event.brand_id,
            "creator_id": event.creator_id,
        }
