"""What can be asked of a creator."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from libs.events.catalog.values import (
    Absence,
    Audience,
    Country,
    CreatorId,
    Email,
    Handle,
    Label,
    Language,
    Niche,
    Performance,
    Phone,
    PlatformAccount,
    PortfolioEntry,
    RateCardEntry,
    Text,
)
from libs.events.decider import Command
from services.discovery.domain.profile import MOST_ACCOUNTS

Languages = Annotated[tuple[Language, ...], Field(max_length=20)]
Niches = Annotated[tuple[Niche, ...], Field(max_length=20)]
Clearable = Literal["bio", "state", "city", "languages", "niches", "portfolio"]
RateCard = Annotated[tuple[RateCardEntry, ...], Field(max_length=50)]


class ApplyToJoin(Command):
    """Ask to join the marketplace. Rejected creators may ask again after the time that they were told."""

    by_anyone: ClassVar[bool] = True

    creator_id: CreatorId
    handle: Handle
    name: Label
    bio: Text = ""
    age: Annotated[int, Field(ge=0, le=130)]
    country: Country
    languages: Languages = ()
    niches: Niches = ()
    accounts: Annotated[tuple[PlatformAccount, ...], Field(max_length=MOST_ACCOUNTS)] = ()
    rate_card: RateCard = ()
    performance: Performance


class ImportCreator(Command):
    """A creator as an import knows it: joins if the policy lets it; of one that has joined, what is newer is taken over."""

    creator_id: CreatorId
    handle: Handle
    name: Label
    bio: Text = ""
    age: Annotated[int, Field(ge=0, le=130)]
    country: Country
    state: Label | None = None
    city: Label | None = None
    languages: Languages = ()
    niches: Niches = ()
    accounts: Annotated[tuple[PlatformAccount, ...], Field(max_length=MOST_ACCOUNTS)] = ()
    rate_card: RateCard = ()
    performance: Performance
    audience: Audience | None = None
    absence: Absence | None = None


class UpdateProfile(Command):
    """Change what the creator says of itself. What is left out (or empty) stays as it is, unless `clear` names it."""

    creator_id: CreatorId
    name: Label | None = None
    bio: Text | None = None
    country: Country | None = None
    state: Label | None = None
    city: Label | None = None
    languages: Languages = ()
    niches: Niches = ()
    portfolio: Annotated[tuple[PortfolioEntry, ...], Field(max_length=50)] = ()
    clear: tuple[Clearable, ...] = ()


class ConnectAccount(Command):
    """A new account on a platform, or what is now known of one."""

    creator_id: CreatorId
    account: PlatformAccount


class SetRateCard(Command):
    """What the creator asks for, whole."""

    creator_id: CreatorId
    rate_card: RateCard


class SetAvailability(Command):
    """Away for a while, or (no `absence`) back."""

    creator_id: CreatorId
    absence: Absence | None = None


class SetContacts(Command):
    """Who the creator is in law, and how to reach it."""

    creator_id: CreatorId
    legal_name: Label
    email: Email
    phone: Phone | None = None


class RecordAudienceSnapshot(Command):
    """A newer measurement of who watches."""

    creator_id: CreatorId
    audience: Audience


class RecordPerformanceSnapshot(Command):
    """A newer measurement of the creator's account."""

    creator_id: CreatorId
    performance: Performance


class SuspendCreator(Command):
    """Take a creator out of the directory."""

    creator_id: CreatorId
    reason: Annotated[Text, Field(min_length=1)]


class ReinstateCreator(Command):
    """Put a suspended creator back."""

    creator_id: CreatorId


class EraseCreator(Command):
    """Show the creator to nobody any more, for good."""

    creator_id: CreatorId


CreatorCommand: TypeAlias = (
    ApplyToJoin
    | ImportCreator
    | UpdateProfile
    | ConnectAccount
    | SetRateCard
    | SetAvailability
    | SetContacts
    | RecordAudienceSnapshot
    | RecordPerformanceSnapshot
    | SuspendCreator
    | ReinstateCreator
    | EraseCreator
)
Change: TypeAlias = (
    UpdateProfile
    | ConnectAccount
    | SetRateCard
    | SetAvailability
    | SetContacts
    | RecordAudienceSnapshot
    | RecordPerformanceSnapshot
)
