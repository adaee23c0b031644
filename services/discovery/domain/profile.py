"""What brands see of a creator, and how it changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from libs.events.catalog.discovery import CreatorApplied, CreatorJoined, CreatorProfileUpdated
from libs.events.catalog.values import (
    Absence,
    Audience,
    ConnectedVia,
    Performance,
    PlatformAccount,
    PortfolioEntry,
    RateCardEntry,
)
from libs.events.decider import Kind, Refusal, Role
from services.discovery.domain.taxonomy import COUNTRIES, CURRENCIES, NICHES, check_known

MOST_ACCOUNTS = 20


@dataclass(frozen=True, slots=True)
class Profile:
    """What brands see of a creator. `audience` and `absence` None: never measured, not away."""

    handle: str
    name: str
    bio: str
    country: str
    languages: tuple[str, ...]
    niches: tuple[str, ...]
    accounts: tuple[PlatformAccount, ...]
    rate_card: tuple[RateCardEntry, ...]
    performance: Performance
    state: str | None = None
    city: str | None = None
    portfolio: tuple[PortfolioEntry, ...] = ()
    audience: Audience | None = None
    absence: Absence | None = None

    @classmethod
    def of(cls, event: CreatorApplied | CreatorJoined) -> Profile:
        return cls(
            handle=event.handle,
            name=event.name,
            bio=event.bio,
            country=event.country,
            languages=event.languages,
            niches=event.niches,
            accounts=event.accounts,
            rate_card=event.rate_card,
            performance=event.performance,
        )

    def updated(self, event: CreatorProfileUpdated) -> Profile:
        return replace(self, **{name: getattr(event, name) for name in SAID})

    def measured(self, performance: Performance) -> Profile:
        """Its figures are the newest; the account that was measured has the followers that were counted."""
        accounts = tuple(counted(account, performance) for account in self.accounts)
        return replace(self, performance=performance, accounts=accounts)

    def connected(self, account: PlatformAccount) -> Profile:
        return replace(self, accounts=with_account(self.accounts, account))


SAID = ("name", "bio", "country", "state", "city", "languages", "niches", "portfolio")
"""What a creator says of itself, and may change."""
EMPTY: Mapping[str, Any] = {"bio": "", "state": None, "city": None, "languages": (), "niches": (), "portfolio": ()}


def said(profile: Profile, changes: Mapping[str, Any], clear: Sequence[str] = ()) -> dict[str, Any]:
    """What the profile says once `changes` are made: what is None or empty changes nothing; what is to be cleared is empty."""
    now = {name: changes.get(name) or getattr(profile, name) for name in SAID}
    return {**now, **{name: EMPTY[name] for name in clear}}


def counted(account: PlatformAccount, performance: Performance) -> PlatformAccount:
    if performance.followers is None or account.platform is not performance.platform:
        return account
    return account.model_copy(update={"followers": performance.followers})


@dataclass(frozen=True, slots=True)
class Contacts:
    """For operators, and for brands that the creator is engaged with."""

    legal_name: str
    email: str
    phone: str | None


def is_over(absence: Absence, at: datetime) -> bool:
    """Also of one that ends before it starts."""
    return absence.ends_at is not None and absence.ends_at <= max(absence.starts_at, at)


def check_words(country: str | None, niches: Sequence[str]) -> None:
    """Raises `Refusal` for a country or a niche that there is not: brands could never look for it."""
    check_known([country] if country else [], COUNTRIES, "country", "country")
    check_known(niches, NICHES, "niche", "niches")


# --- Accounts --------------------------------------------------------------------------------------------------------


def with_account(accounts: Sequence[PlatformAccount], account: PlatformAccount) -> tuple[PlatformAccount, ...]:
    """With the account in the place of what was known of it, or at the end."""
    if any(_is_same(one, account) for one in accounts):
        return tuple(account if _is_same(one, account) else one for one in accounts)
    return (*accounts, account)


def as_known_by(role: Role, account: PlatformAccount) -> PlatformAccount:
    """What a creator says of its account is what it says: only a platform or an import says more."""
    if role is Role.CREATOR:
        return account.model_copy(update={"verified": False, "connected_via": ConnectedVia.SELF_REPORTED})
    return account


def check_account(accounts: Sequence[PlatformAccount], account: PlatformAccount) -> None:
    """Raises `Refusal`: what a platform has confirmed is not overwritten by what somebody says."""
    known = next((one for one in accounts if _is_same(one, account)), None)
    if known is None and len(accounts) >= MOST_ACCOUNTS:
        raise Refusal("TOO_MANY_ACCOUNTS", f"a creator has at most {MOST_ACCOUNTS} accounts", most=MOST_ACCOUNTS)
    if known is not None and known.connected_via is ConnectedVia.OAUTH and account.connected_via is not ConnectedVia.OAUTH:
        raise Refusal(
            "ACCOUNT_VERIFIED", "the platform itself tells us of this account: connect it there again", field="account"
        )


def _is_same(one: PlatformAccount, other: PlatformAccount) -> bool:
    return one.platform is other.platform and one.handle.lower() == other.handle.lower()


# --- Rate card -------------------------------------------------------------------------------------------------------


def check_rate_card(card: Sequence[RateCardEntry]) -> None:
    """One price per platform and format, all in one currency, none below zero. Raises `Refusal`."""
    currencies = sorted({entry.amount.currency for entry in card})
    check_known(currencies, CURRENCIES, "currency", "rate_card")
    if len(currencies) > 1:
        said = f"prices in {' and '.join(currencies)} do not compare: one currency per rate card"
        raise Refusal("CURRENCIES_MIXED", said, kind=Kind.INVALID_ARGUMENT, field="rate_card", currencies=currencies)
    offered = [(entry.platform, entry.format.strip().lower()) for entry in card]
    for entry, what in zip(card, offered, strict=True):
        if offered.count(what) > 1:
            said = f"{what[0].value} {what[1]} has two prices: give one"
            raise Refusal("PRICED_TWICE", said, kind=Kind.INVALID_ARGUMENT, field="rate_card")
        if entry.amount.amount < 0:
            raise Refusal("PRICE_BELOW_ZERO", "a price is at least 0", kind=Kind.INVALID_ARGUMENT, field="rate_card")
