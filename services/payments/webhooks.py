"""What the provider tells of its own accord. It is a hint and no more: what became of a charge or a transfer is asked of the
provider, as after an answer that was lost. So it may come late, twice, in any order, or never."""

from __future__ import annotations

from collections.abc import AsyncIterator

from libs.chassis.rpcs import Receive, Told
from libs.events.decider import not_found
from libs.events.ports import Clock, Unavailable
from libs.events.reactions import Keyed
from services.payments.domain.account import RecordCharge
from services.payments.domain.outcome import Unknown
from services.payments.domain.payment import RecordTransfer
from services.payments.ports import ChargeNotice, PaymentProvider


def receiving(provider: PaymentProvider, clock: Clock) -> Receive:
    async def receive(told: Told) -> AsyncIterator[Keyed]:
        if told.sender != provider.name:
            raise not_found("provider")
        notice = provider.notice(told.headers, told.payload, clock.now())
        outcome = await provider.lookup(notice.key)
        if outcome is None or isinstance(outcome, Unknown):
            raise Unavailable(f"{provider.name} does not say yet what became of it")
        if isinstance(notice, ChargeNotice):
            yield Keyed(notice.id, RecordCharge(brand_id=notice.brand_id, deposit_id=notice.key, outcome=outcome))
        else:
            yield Keyed(notice.id, RecordTransfer(payment_id=notice.payment_id, key=notice.key, outcome=outcome))

    return receive
