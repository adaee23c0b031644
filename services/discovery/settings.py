"""What discovery is told from outside: where it listens, and the policies of eligibility and badges."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from libs.chassis.settings import ServiceSettings
from libs.events.catalog.values import EngagementRateMethod
from services.discovery.domain.badges import BadgePolicy
from services.discovery.domain.eligibility import Policy
from services.discovery.domain.fit import Weights
from services.discovery.domain.track_record import MOST_KEPT
from services.discovery.index.tantivy_index import HEAP


class Settings(ServiceSettings):
    """Raise `policy_version` whenever a rule below is changed: each decision names the version that it was made under."""

    grpc_port: int = Field(9101, ge=1, le=65535)
    """Where rpcs are answered."""

    index_directory: Path = Path(".limelight/index")
    """Where the search index is kept; each replica has a place of its own in there. What is lost there is built anew."""

    index_heap: int = Field(HEAP, ge=15_000_000)
    """Bytes that the index gathers in memory before it writes to disk."""

    index_url: str | None = Field(None, pattern=r"^https?://\S+$", repr=False)
    """Address of an OpenSearch cluster that all replicas share, for directories that outgrow one machine (needs the extra
    `opensearch`); it may hold a password, so it is never printed. Unset: each replica has its index in `index_directory`."""

    index_name: str = Field("limelight-creators", pattern=r"^[a-z][a-z0-9-]{0,99}$")
    """What the index is called in that cluster: marketplaces that share a cluster need a name each, and replicas that are told
    another name build an index of their own beside the one that others still use."""

    policy_version: int = Field(1, ge=1)
    """Which edition of the policies this is."""

    least_age: int = Field(18, ge=13, le=130)
    """Years that a creator must have lived."""

    least_followers: int = Field(10_000, ge=0)
    """Followers that at least one of the creator's accounts must have."""

    least_views: int = Field(1_000, ge=0)
    """Views in the last 30 days."""

    least_posts: int = Field(3, ge=0)
    """Posts in the last 30 days."""

    least_engagement_rate_by_views: float = Field(0.01, ge=0, le=1)
    """Floor of (likes + comments + shares) / views, a fraction."""

    least_engagement_rate_by_followers: float = Field(0.01, ge=0, le=1)
    """Floor of engagements / followers, a fraction."""

    least_engagement_rate_by_reach: float = Field(0.01, ge=0, le=1)
    """Floor of engagements / reach, a fraction."""

    reapply_after_days: int = Field(30, ge=0, le=3650)
    """Days after a rejection before the creator may apply again."""

    badge_window: int = Field(20, ge=1, le=MOST_KEPT)
    """How many of a creator's newest answers, and of its newest deliveries, its badges are judged by."""

    responsive_least_answers: int = Field(3, ge=1, le=MOST_KEPT)
    """Invitations that a responsive creator has answered, or let pass, at least."""

    responsive_most_median_hours: float = Field(48, gt=0)
    """Median hours from an invitation to a responsive creator's first answer; without an answer they are its whole window."""

    experienced_least_collaborations: int = Field(1, ge=1)
    """Contracts that an experienced creator has fulfilled, at least."""

    reliable_least_deliveries: int = Field(3, ge=1, le=MOST_KEPT)
    """Deliverables of a reliable creator that were posted and checked, at least."""

    reliable_least_on_time: float = Field(0.9, ge=0, le=1)
    """Of those, the fraction that first went out in its window."""

    similar_weights: Mapping[str, float] = Weights().similar
    """How much each part of being similar counts, as JSON; only their ratio matters, and none is left out."""

    campaign_weights: Mapping[str, float] = Weights().campaign
    """How much each part of fitting a campaign counts, as JSON; only their ratio matters, and none is left out."""

    def weights(self) -> Weights:
        return Weights(self.similar_weights, self.campaign_weights)

    @model_validator(mode="after")
    def _weighs_all(self) -> Self:
        for given, usual in ((self.similar_weights, Weights().similar), (self.campaign_weights, Weights().campaign)):
            if given.keys() != usual.keys() or any(weight < 0 for weight in given.values()) or not any(given.values()):
                raise ValueError(f"weights are given for {', '.join(usual)}: none below 0, not all 0")
        return self

    @field_validator("index_url")
    @classmethod
    def _has_its_client(cls, url: str | None) -> str | None:
        if url is not None and find_spec("opensearchpy") is None:
            raise ValueError("needs the client of OpenSearch: pip install 'limelight[opensearch]'")
        return url

    @property
    def own_index(self) -> Path:
        """Of this replica."""
        return self.index_directory / (self.instance or f"port-{self.grpc_port}")

    def policy(self) -> Policy:
        return Policy(
            version=self.policy_version,
            least_age=self.least_age,
            least_followers=self.least_followers,
            least_views=self.least_views,
            least_posts=self.least_posts,
            least_engagement={
                EngagementRateMethod.BY_VIEWS: self.least_engagement_rate_by_views,
                EngagementRateMethod.BY_FOLLOWERS: self.least_engagement_rate_by_followers,
                EngagementRateMethod.BY_REACH: self.least_engagement_rate_by_reach,
            },
            reapply_after=timedelta(days=self.reapply_after_days),
        )

    def badge_policy(self) -> BadgePolicy:
        return BadgePolicy(
            version=self.policy_version,
            window=self.badge_window,
            least_answers=self.responsive_least_answers,
            most_median_hours=self.responsive_most_median_hours,
            least_collaborations=self.experienced_least_collaborations,
            least_deliveries=self.reliable_least_deliveries,
            least_on_time=self.reliable_least_on_time,
        )
