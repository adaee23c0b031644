"""The values that events are made of: ids, money, terms. Shared by every service, so additive changes only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from libs.events.envelope import iso

SAFE_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader keeps exact."""


def _id(prefix: str) -> StringConstraints:
    return StringConstraints(pattern=rf"^{prefix}_[0-9a-z]{{10,40}}$")


CreatorId = Annotated[str, _id("crt")]
BrandId = Annotated[str, _id("brd")]
CampaignId = Annotated[str, _id("cmp")]
EngagementId = Annotated[str, _id("eng")]
ContractId = Annotated[str, _id("ctr")]
DeliverableId = Annotated[str, _id("dlv")]
PaymentId = Annotated[str, _id("pay")]
DepositId = Annotated[str, _id("dep")]
ThreadId = Annotated[str, _id("thr")]
MessageId = Annotated[str, _id("msg")]
PostId = Annotated[str, _id("pst")]
ConversionId = Annotated[str, _id("cnv")]
ShortlistId = Annotated[str, _id("lst")]
SavedSearchId = Annotated[str, _id("srh")]


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)


Time = Annotated[AwareDatetime, AfterValidator(_utc), PlainSerializer(iso, return_type=str, when_used="json")]
"""UTC in milliseconds; in JSON always `2026-11-22T14:00:00.000Z`, so that equal times are equal text."""
CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead of ours the clock of whoever tells us a time may be: what was just done is not refused as not yet done."""
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2."""
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
"""ISO 639-1."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 4217."""
Niche = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https://[^\s]{3,2000}$")]
Text = Annotated[str, StringConstraints(max_length=2000)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Handle = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._]{2,64}$")]
Hashtag = Annotated[str, StringConstraints(pattern=r"^#[\w]{1,100}$")]
Mention = Annotated[str, StringConstraints(pattern=r"^@[A-Za-z0-9._]{1,64}$")]
Count = Annotated[int, Field(ge=0, le=SAFE_INTEGER)]
Rate = Annotated[float, Field(ge=0, le=1)]
Growth = Annotated[float, Field(ge=-1, le=1_000)]
"""Relative change: 0.1 is a tenth more, −1 is all lost."""
CountryOrUnknown = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|unknown)$")]
LanguageOrUnknown = Annotated[str, StringConstraints(pattern=r"^([a-z]{2}|unknown)$")]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$")]
Phone = Annotated[str, StringConstraints(pattern=r"^\+[0-9]{6,15}$")]
"""E.164."""


class Value(BaseModel):
    """An immutable part of an event."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Money(Value):
    """An integer of minor units (cents) and its currency. Never a float, never converted silently."""

    amount: Annotated[int, Field(ge=-SAFE_INTEGER, le=SAFE_INTEGER)]
    currency: Currency

    def __add__(self, other: Money) -> Money:
        return Money(amount=self.amount + self._same(other), currency=self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(amount=self.amount - self._same(other), currency=self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up: one currency per contract")
        return other.amount


class Platform(StrEnum):
    TIKTOK = "tiktok"
    INSTAGRAM = "instagram"
    YOUTUBE = "youtube"


class EngagementRateMethod(StrEnum):
    """A bare engagement rate means nothing: by which denominator?"""

    BY_VIEWS = "by_views"
    BY_FOLLOWERS = "by_followers"
    BY_REACH = "by_reach"


class ConnectedVia(StrEnum):
    """How we know of an account: the platform said so, its owner did, or an import."""

    SELF_REPORTED = "self_reported"
    OAUTH = "oauth"
    IMPORT = "import"


class PlatformAccount(Value):
    platform: Platform
    handle: Handle
    followers: Count
    verified: bool = False
    connected_via: ConnectedVia = ConnectedVia.SELF_REPORTED


class PortfolioEntry(Value):
    """A piece of work to be seen."""

    url: Url
    title: Label
    platform: Platform | None = None


class Absence(Value):
    """A creator is away: can be found, and says so. `until` None: until further notice."""

    starts_at: Time
    ends_at: Time | None = None


class RateCardEntry(Value):
    platform: Platform
    format: Label
    amount: Money
    negotiable: bool = True


class Sponsored(Value):
    """The same window, sponsored posts only; the engagement rate by the same method."""

    posts: Count
    median_views: Count | None = None
    engagement_rate: Rate | None = None


class Performance(Value):
    """A snapshot over the last 30 days. A missing measurement is null, never zero."""

    captured_at: Time
    posts: Count | None = None
    views: Count | None = None
    median_views: Count | None = None
    engagement_rate: Rate | None = None
    engagement_rate_method: EngagementRateMethod | None = None
    average_views: Count | None = None
    completion_rate: Rate | None = None
    follower_growth: Growth | None = None
    """(followers now − followers 30 days ago) / followers 30 days ago."""
    followers: Count | None = None
    """Of the account that was measured, then."""
    platform: Platform | None = None
    """Of that account."""
    last_posted_at: Time | None = None
    sponsored: Sponsored | None = None


class Gender(StrEnum):
    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNKNOWN = "unknown"


class AgeBand(StrEnum):
    FROM_13 = "13-17"
    FROM_18 = "18-24"
    FROM_25 = "25-34"
    FROM_35 = "35-44"
    FROM_45 = "45-54"
    FROM_55 = "55-64"
    FROM_65 = "65+"
    UNKNOWN = "unknown"


class FollowerKind(StrEnum):
    """What an account that follows is taken for. `mass`: follows so many that it sees little of each."""

    REAL = "real"
    INFLUENCER = "influencer"
    MASS = "mass"
    SUSPICIOUS = "suspicious"
    UNKNOWN = "unknown"


class Audience(Value):
    """Who watches, as shares of the audience. Of each distribution the shares sum to 1 ± 1 %, or it is empty: not measured."""

    captured_at: Time
    countries: Annotated[dict[CountryOrUnknown, Rate], Field(max_length=250)] = {}
    genders: dict[Gender, Rate] = {}
    ages: dict[AgeBand, Rate] = {}
    languages: Annotated[dict[LanguageOrUnknown, Rate], Field(max_length=200)] = {}
    followers: dict[FollowerKind, Rate] = {}
    """What its followers are taken for."""


class Reason(Value):
    """Why something was refused or failed: a stable code, and what would be right."""

    code: Label
    message: Text


class Badge(StrEnum):
    """What a creator has shown, by facts."""

    RESPONSIVE = "responsive"
    EXPERIENCED = "experienced"
    RELIABLE = "reliable"
    COMPLETE = "complete"


class Objective(StrEnum):
    AWARENESS = "awareness"
    CONSIDERATION = "consideration"
    ENGAGEMENT = "engagement"
    TRAFFIC = "traffic"
    CONVERSIONS = "conversions"
    UGC = "ugc"


class CampaignMode(StrEnum):
    INVITE_ONLY = "invite_only"
    OPEN = "open"


class Brief(Value):
    do: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    dont: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    talking_points: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    hashtags: Annotated[tuple[Hashtag, ...], Field(max_length=30)] = ()
    mentions: Annotated[tuple[Mention, ...], Field(max_length=30)] = ()
    disclosure_label: Label | None = None
    """The words that mark the post as advertising, e.g. `#ad`: must stand in the post."""


class Schedule(Value):
    """When posts may go out, inclusive."""

    starts_at: Time
    ends_at: Time


class DeliverableTemplate(Value):
    platform: Platform
    format: Label


class Terms(Value):
    """What two parties agree on: one version of an offer. The contract's `terms_hash` is taken over these."""

    fee: Money
    deliverables: Annotated[tuple[DeliverableTemplate, ...], Field(min_length=1, max_length=20)]
    revisions: Annotated[int, Field(ge=0, le=10)]
    """Rounds of changes that the brand may ask for, per deliverable."""
    post_window: Schedule
    usage_rights_days: Annotated[int, Field(ge=0, le=3650)] = 0
    exclusivity_days: Annotated[int, Field(ge=0, le=365)] = 0


class Party(StrEnum):
    BRAND = "brand"
    CREATOR = "creator"


class Posting(Value):
    """One leg of a ledger entry: `amount` leaves `debit` and reaches `credit`. Accounts: `world:deposits`, `brand:<id>:cash`,
    `contract:<id>:held`, `creator:<id>:available`, `platform:fees`."""

    debit: Label
    credit: Label
    amount: Money


class MetricsSource(StrEnum):
    PLATFORM_API = "platform_api"
    CREATOR_REPORT = "creator_report"
    IMPORT = "import"
    SIMULATED = "simulated"


class Metrics(Value):
    """Cumulative counts since the post went out. A missing one is null: it is never zero."""

    views: Count | None = None
    likes: Count | None = None
    comments: Count | None = None
    shares: Count | None = None
    saves: Count | None = None
    reach: Count | None = None
    clicks: Count | None = None
    watch_seconds: Count | None = None
