"""The composition root of payments: how money moves."""

from __future__ import annotations

from libs.chassis.lifecycle import run
from libs.chassis.service import Service
from libs.events.ports import Ports
from services.payments.adapters import SandboxProvider
from services.payments.ports import Bounded, PaymentProvider
from services.payments.projections import PROJECTIONS
from services.payments.reactions import reactions
from services.payments.servicer import AGGREGATES, contents
from services.payments.settings import Settings
from services.payments.webhooks import receiving


def build(settings: Settings, ports: Ports, provider: PaymentProvider | None = None) -> Service:
    """`provider`: in the place of the one that the settings choose."""
    sandbox = SandboxProvider(ports.documents, settings.webhook_keys())
    bounded = Bounded(provider or sandbox, settings.provider_timeout_seconds)
    return Service(
        "payments",
        rpcs=contents(receiving(bounded, ports.clock)),
        aggregates=AGGREGATES,
        reactions=reactions(settings, bounded, ports.clock),
        projections=PROJECTIONS,
        settings=settings,
        ports=ports,
    )


if __name__ == "__main__":
    run(build, Settings)
