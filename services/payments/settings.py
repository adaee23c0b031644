"""What the payments service is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from libs.chassis import webhooks
from libs.chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Policy and providers of payments."""

    grpc_port: int = Field(9104, ge=1, le=65535)
    """Where rpcs are answered."""

    payment_provider: Literal["sandbox"] = "sandbox"
    """Who moves the money. `sandbox` moves none: deterministic, with failures by magic amounts (see adapters.py)."""

    platform_fee_bps: int = Field(1000, ge=0, le=10_000)
    """The platform's share of a released payment, in basis points (1000 = 10 %), taken out of the contract's fee."""

    provider_timeout_seconds: float = Field(10, gt=0, le=60)
    """How long the provider is given to answer; after it the outcome is unknown, and is looked up later."""

    payment_webhook_secrets: tuple[SecretStr, ...] = ()
    """What the provider signs its webhooks with, `whsec_…` each: two while one takes the other's place. None: no webhook is
    taken, and what became of a lost answer is known after `reconcile_after_seconds` instead of at once."""

    reconcile_after_seconds: float = Field(30, gt=0, le=3600)
    """How long after an ambiguous answer the provider is asked what became of it; doubled with each time that it cannot say."""

    retry_release_after_seconds: float = Field(3600, gt=0, le=86_400)
    """How long after a certain refusal a release is tried again, under a new key; doubled with each refusal."""

    longest_wait_seconds: float = Field(86_400, gt=0)
    """The most that either wait grows to."""

    def reconcile_after(self, asked: int) -> timedelta:
        """The wait before the look-up that follows `asked` others."""
        return self._doubled(self.reconcile_after_seconds, asked)

    def retry_release_after(self, attempt: int) -> timedelta:
        """The wait after the refusal of this attempt (from 1)."""
        return self._doubled(self.retry_release_after_seconds, attempt - 1)

    def webhook_keys(self) -> tuple[bytes, ...]:
        return tuple(webhooks.secret(one.get_secret_value()) for one in self.payment_webhook_secrets)

    @field_validator("payment_webhook_secrets")
    @classmethod
    def _are_secrets(cls, given: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for one in given:
            webhooks.secret(one.get_secret_value())
        return given

    def _doubled(self, first: float, times: int) -> timedelta:
        return timedelta(seconds=min(self.longest_wait_seconds, first * 2.0 ** min(times, 30)))
