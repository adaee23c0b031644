"""What campaigns is told from outside: where it listens, and the policy that deals run under."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from libs.chassis.settings import ServiceSettings
from services.campaigns.domain.policy import Policy


class Settings(ServiceSettings):
    """Raise `policy_version` whenever a rule below is changed: contracts pin the version that they were drafted under."""

    grpc_port: int = Field(9102, ge=1, le=65535)
    """Where rpcs are answered."""

    policy_version: int = Field(1, ge=1)
    """Which edition of the policy this is."""

    answer_within_hours: float = Field(72, gt=0)
    """Hours after which an unanswered invitation or counter-offer expires."""

    application_stands_days: float = Field(14, gt=0)
    """Days after which an unanswered application expires."""

    sign_within_days: float = Field(7, gt=0)
    """Days after which a contract that lacks a signature ends."""

    fund_within_days: float = Field(7, gt=0)
    """Days after which a signed contract without held money ends."""

    review_within_days: float = Field(14, gt=0)
    """Days of the brand's silence after which a draft is approved."""

    cancellation_answer_within_hours: float = Field(72, gt=0)
    """Hours of silence after which a proposed cancellation counts as accepted, unless content is already out."""

    kill_fee_percent: int = Field(25, ge=0, le=100)
    """Percent of the fee that stays the creator's when a contract ends after it submitted a draft."""

    def policy(self) -> Policy:
        return Policy(
            version=self.policy_version,
            answer_within=timedelta(hours=self.answer_within_hours),
            application_stands=timedelta(days=self.application_stands_days),
            sign_within=timedelta(days=self.sign_within_days),
            fund_within=timedelta(days=self.fund_within_days),
            review_within=timedelta(days=self.review_within_days),
            cancellation_answer_within=timedelta(hours=self.cancellation_answer_within_hours),
            kill_fee_percent=self.kill_fee_percent,
        )
