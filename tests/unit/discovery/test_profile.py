"""A creator who has joined: what it says of itself, its accounts, prices, absences, contacts, and what is measured of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from libs.events.catalog.discovery import (
    AudienceSnapshotRecorded,
    AvailabilityChanged,
    CreatorContactsChanged,
    CreatorErased,
    CreatorProfileUpdated,
    PerformanceSnapshotRecorded,
    PlatformAccountConnected,
    RateCardChanged,
)
from libs.events.catalog.values import Absence, ConnectedVia, Platform, PlatformAccount, Sponsored
from libs.events.decider import Actor, Kind, Refusal, Role
from libs.events.testing import AT, Given, given
from services.discovery.domain.creator import Creator, Joined
from services.discovery.domain.creator_commands import (
    ConnectAccount,
    EraseCreator,
    RecordAudienceSnapshot,
    RecordPerformanceSnapshot,
    SetAvailability,
    SetContacts,
    SetRateCard,
    UpdateProfile,
)
from services.discovery.domain.profile import MOST_ACCOUNTS
from services.discovery.queries import show_creator
from tests.unit.discovery.examples import (
    ANA,
    AS_ANA,
    AS_BEA,
    AS_BRAND,
    COMMANDS,
    RULES,
    applied,
    apply,
    away,
    imported,
    joined,
    measured,
    priced,
    rejected,
    watched,
)

DAY = timedelta(days=1)
PLATFORM = Actor("importer", Role.SERVICE)
YOUTUBE = PlatformAccount(platform=Platform.YOUTUBE, handle="ana", followers=900)
SAYS = {"creator_id": ANA, "name": "Ana", "country": "DE", "languages": ("de", "en"), "niches": ("beauty", "skincare")}


def ana(**others: object) -> Given[Creator]:
    return given(RULES, applied(**others), joined(**others))


# --- What it says of itself ------------------------------------------------------------------------------------------


def test_what_is_left_out_of_an_update_stays_as_it_is() -> None:
    said = ana().when(UpdateProfile(creator_id=ANA, bio="Makes soap", city="Kiel"), actor=AS_ANA)
    said.then(CreatorProfileUpdated(**SAYS, bio="Makes soap", city="Kiel"))


def test_what_is_to_be_empty_is_named() -> None:
    said = ana().when(UpdateProfile(creator_id=ANA, clear=("niches",)), actor=AS_ANA)
    said.then(CreatorProfileUpdated(**{**SAYS, "niches": ()}))


def test_an_update_that_changes_nothing_is_no_event() -> None:
    ana().when(UpdateProfile(creator_id=ANA, name="Ana"), actor=AS_ANA).then_nothing()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_nobody_changes_another_creator(command: object) -> None:
    ana().when(command, actor=AS_BEA).then_refused("NOT_FOUND")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "code", "named"),
    [({"niches": ("beauty", "quidditch")}, "UNKNOWN_NICHE", "quidditch"), ({"country": "ZZ"}, "UNKNOWN_COUNTRY", "ZZ")],
)
def test_what_nobody_could_look_for_is_named_and_refused(said: dict[str, object], code: str, named: str) -> None:
    for refused in (
        ana().when(UpdateProfile(creator_id=ANA, **said), actor=AS_ANA).then_refused(code),
        given(RULES).when(apply(**said), actor=AS_ANA).then_refused(code),
        given(RULES).when(imported(**said), actor=PLATFORM).then_refused(code),
    ):
        assert (refused.kind, refused.details["unknown"]) == (Kind.INVALID_ARGUMENT, [named])


# --- Accounts --------------------------------------------------------------------------------------------------------


def test_an_account_that_a_creator_names_is_its_word_only() -> None:
    boast = YOUTUBE.model_copy(update={"verified": True, "connected_via": ConnectedVia.OAUTH})
    ana().when(ConnectAccount(creator_id=ANA, account=boast), actor=AS_ANA).then(
        PlatformAccountConnected(creator_id=ANA, account=YOUTUBE)
    )


def test_what_the_platform_told_is_not_overwritten_by_a_word() -> None:
    told = YOUTUBE.model_copy(update={"verified": True, "connected_via": ConnectedVia.OAUTH})
    after = ana().when(ConnectAccount(creator_id=ANA, account=told), actor=PLATFORM)
    known = after.then(PlatformAccountConnected(creator_id=ANA, account=told))
    more = YOUTUBE.model_copy(update={"followers": 9_000_000})
    known.when(ConnectAccount(creator_id=ANA, account=more), actor=AS_ANA).then_refused("ACCOUNT_VERIFIED")
    newer = told.model_copy(update={"followers": 1_000})
    again = known.when(ConnectAccount(creator_id=ANA, account=newer), actor=PLATFORM)
    after = again.then(PlatformAccountConnected(creator_id=ANA, account=newer))
    assert isinstance(after.state, Joined)
    assert [account.followers for account in after.state.profile.accounts] == [52_000, 1_000]


def test_there_are_only_so_many_accounts() -> None:
    many = tuple(YOUTUBE.model_copy(update={"handle": f"ana.{n}", "followers": 50_000}) for n in range(MOST_ACCOUNTS))
    ana(accounts=many).when(ConnectAccount(creator_id=ANA, account=YOUTUBE)).then_refused("TOO_MANY_ACCOUNTS")


# --- Prices ----------------------------------------------------------------------------------------------------------


def test_a_rate_card_is_set_whole() -> None:
    card = (priced(), priced(20_000, format="story"))
    ana().when(SetRateCard(creator_id=ANA, rate_card=card), actor=AS_ANA).then(RateCardChanged(creator_id=ANA, rate_card=card))


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ((priced(), priced(1, "USD", "story")), "CURRENCIES_MIXED"),
        ((priced(), priced(1, format=" Video")), "PRICED_TWICE"),
        ((priced(-1),), "PRICE_BELOW_ZERO"),
        ((priced(currency="ABC"),), "UNKNOWN_CURRENCY"),
    ],
)
def test_a_rate_card_that_cannot_be_compared_is_refused(card: object, code: str) -> None:
    refused = ana().when(SetRateCard(creator_id=ANA, rate_card=card)).then_refused(code)  # type: ignore[arg-type]
    assert (refused.kind, refused.field) == (Kind.INVALID_ARGUMENT, "rate_card")


# --- Absence ---------------------------------------------------------------------------------------------------------


def test_a_creator_goes_away_and_comes_back() -> None:
    gone = ana().when(away, actor=AS_ANA).then(AvailabilityChanged(creator_id=ANA, absence=away.absence))
    gone.when(SetAvailability(creator_id=ANA), actor=AS_ANA).then(AvailabilityChanged(creator_id=ANA, absence=None))


def test_an_absence_that_is_over_is_refused() -> None:
    over = Absence(starts_at=AT - 3 * DAY, ends_at=AT - DAY)
    ana().when(SetAvailability(creator_id=ANA, absence=over), actor=AS_ANA).then_refused("ABSENCE_IS_OVER")


# --- Contacts and erasure --------------------------------------------------------------------------------------------


def test_contacts_are_kept_and_not_shown() -> None:
    told = SetContacts(creator_id=ANA, legal_name="Ana Muster", email="ana@example.com")
    changed = CreatorContactsChanged(creator_id=ANA, legal_name="Ana Muster", email="ana@example.com")
    after = ana().when(told, actor=AS_ANA).then(changed)
    assert "Muster" not in str(show_creator(ANA, after.state))
    after.when(told, actor=AS_ANA).then_nothing()


def test_who_is_erased_is_there_for_nobody_but_operators() -> None:
    after = ana().when(EraseCreator(creator_id=ANA), actor=AS_ANA).then(CreatorErased(creator_id=ANA))
    assert not any(RULES.visible(after.state, actor) for actor in (AS_ANA, AS_BRAND))
    assert "Ana" not in str(show_creator(ANA, after.state))
    after.when(away, actor=AS_ANA).then_refused("NOT_FOUND")


# --- Measurements ----------------------------------------------------------------------------------------------------


def test_a_measured_account_has_the_followers_that_were_counted() -> None:
    counted = measured(AT, followers=61_000, platform=Platform.TIKTOK)
    recorded = PerformanceSnapshotRecorded(creator_id=ANA, performance=counted)
    after = ana().when(RecordPerformanceSnapshot(creator_id=ANA, performance=counted), actor=PLATFORM).then(recorded)
    assert show_creator(ANA, after.state)["followers"] == 61_000


def test_a_rate_without_its_method_is_refused() -> None:
    bare = RecordPerformanceSnapshot(creator_id=ANA, performance=measured(AT, engagement_rate_method=None))
    assert ana().when(bare).then_refused("ENGAGEMENT_METHOD_MISSING").field == "performance.engagement_rate_method"
    of_sponsored = Sponsored(posts=2, engagement_rate=0.03)
    rateless = measured(AT, engagement_rate=None, engagement_rate_method=None, sponsored=of_sponsored)
    ana().when(RecordPerformanceSnapshot(creator_id=ANA, performance=rateless)).then_refused("ENGAGEMENT_METHOD_MISSING")


def test_an_audience_is_recorded_once_it_adds_up() -> None:
    told = RecordAudienceSnapshot(creator_id=ANA, audience=watched())
    after = ana().when(told, actor=AS_ANA).then(AudienceSnapshotRecorded(creator_id=ANA, audience=watched()))
    after.when(told, actor=AS_ANA).then_refused("SNAPSHOT_NOT_NEWER")


@for_all(shares=st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=5))
def test_shares_sum_to_one_within_a_hundredth(shares: list[float]) -> None:
    countries = dict(zip(("DE", "FR", "IT", "ES", "unknown"), shares, strict=False))
    told = RecordAudienceSnapshot(creator_id=ANA, audience=watched(countries=countries))
    state = RULES.fold([applied(), joined()])
    stamped = told.model_copy(update={"actor": AS_ANA, "at": AT})
    if abs(sum(countries.values()) - 1) <= 0.01:
        assert RULES.decide(stamped, state)
    elif abs(sum(countries.values()) - 1) > 0.01 + 1e-6:
        with pytest.raises(Refusal, match="SHARES_DO_NOT_SUM"):
            RULES.decide(stamped, state)


def test_an_audience_of_which_nothing_was_measured_is_refused() -> None:
    nothing = watched(countries={}, genders={}, ages={})
    ana().when(RecordAudienceSnapshot(creator_id=ANA, audience=nothing)).then_refused("NOTHING_MEASURED")


# --- Import ----------------------------------------------------------------------------------------------------------


def test_an_imported_creator_is_judged_and_brings_its_audience() -> None:
    updated = CreatorProfileUpdated(**SAYS, state="Holstein")
    told = imported(audience=watched(), state="Holstein")
    after = given(RULES).when(told, actor=PLATFORM)
    after.then(applied(), joined(), updated, AudienceSnapshotRecorded(creator_id=ANA, audience=watched()))
    given(RULES).when(imported(age=17), actor=PLATFORM).then(applied(age=17), rejected())


def test_an_import_of_what_is_known_changes_nothing() -> None:
    ana().when(imported(), actor=PLATFORM).then_nothing()


def test_an_imported_creator_may_be_away_unless_it_is_back() -> None:
    gone = Absence(starts_at=AT - 3 * DAY, ends_at=AT + DAY)
    after = given(RULES).when(imported(absence=gone), actor=PLATFORM)
    after.then(applied(), joined(), AvailabilityChanged(creator_id=ANA, absence=gone))
    back = Absence(starts_at=AT - 3 * DAY, ends_at=AT - DAY)
    given(RULES).when(imported(absence=back), actor=PLATFORM).then(applied(), joined())


def test_who_was_rejected_is_judged_again_by_newer_figures_and_not_before_the_date() -> None:
    known = given(RULES, applied(age=17), rejected())
    known.when(imported(age=17), actor=PLATFORM, at=AT + 29 * DAY).then_nothing()
    known.when(imported(performance=measured(AT)), actor=PLATFORM, at=AT + 29 * DAY).then_refused("REAPPLY_TOO_EARLY")
    later = known.when(imported(performance=measured(AT)), actor=PLATFORM, at=AT + 30 * DAY)
    later.then(applied(performance=measured(AT)), joined(performance=measured(AT)))


def test_an_import_takes_over_what_was_measured_since_and_leaves_what_the_creator_says() -> None:
    told = imported(performance=measured(AT), audience=watched(), bio="An importer's words", accounts=(YOUTUBE,))
    ana().when(told, actor=PLATFORM).then(
        PlatformAccountConnected(creator_id=ANA, account=YOUTUBE),
        PerformanceSnapshotRecorded(creator_id=ANA, performance=measured(AT)),
        AudienceSnapshotRecorded(creator_id=ANA, audience=watched()),
    )
