"""discovery as a whole, on a real database and broker: other services' facts become badges, badges become matches of saved
searches, and a brand's team shares what it keeps."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from libs.chassis.issuer import DevelopmentIssuer
from libs.chassis.messages import converters
from libs.chassis.mongo import MongoClient
from libs.chassis.service import Service
from libs.chassis.system import SystemClock, SystemIds
from libs.chassis.upstream import AUTHORIZATION, POSITION
from libs.events.bus import KafkaBus
from libs.events.catalog.campaigns import ContractFulfilled, EngagementOpened, OfferAccepted, PostVerified
from libs.events.catalog.values import Brief, DeliverableTemplate, Money, Party, Platform, Schedule, Terms
from libs.events.decider import Refusal, Role
from libs.events.documents import MongoDocuments
from libs.events.envelope import GENESIS, NO_MARK, Meta, NewCommit, iso, store_events, to_cloudevent, topic
from libs.events.ids import commit_id_of, derive
from libs.events.ports import Message, Ports
from libs.events.registry import Event
from libs.events.store import MongoCommitLog
from libs.events.testing import AT, eventually
from services.discovery.main import build
from services.discovery.settings import Settings

HOUR = timedelta(hours=1)
POSITIONS = itertools.count(1_000_000)
"""Of what campaigns tells: one log, whichever desk it concerns, and ahead of what other tests tell on this broker."""
Json = dict[str, Any]
Discovery = tuple[Service, Ports, DevelopmentIssuer]


class Desk:
    """People who call, and campaigns that tell what happened. Each desk has a creator and two brands of its own."""

    def __init__(self, service: Service, ports: Ports, issuer: DevelopmentIssuer) -> None:
        self._service, self._ports, self._issuer = service, ports, issuer
        self._methods = {name: method for of in service.protos for name, method in of.methods.items()}
        now = ports.clock.now()
        self.creator, self.brand, self.rival = (ports.ids.new(prefix, now) for prefix in ("crt", "brd", "brd"))

    async def call(self, rpc: str, party: str = "", **body: Any) -> Json:
        """As the brand, unless `party` says otherwise. `position`: where a read model must have come to."""
        method, party = self._methods[rpc], party or self.brand
        role = {"crt": Role.CREATOR, "brd": Role.BRAND}.get(party[:3], Role.OPERATOR)
        token = self._issuer.mint(party, role, None if role is Role.OPERATOR else party)
        headers = {AUTHORIZATION: f"Bearer {token}"}
        reply = await self._service.call(method.path, converters(method.input).from_json(body), headers)
        return {**converters(method.output).to_json(reply.message), "position": reply.metadata.get(POSITION, "")}

    async def listed(self, rpc: str, position: str) -> Json:
        """A list that has come to the position."""

        async def ask() -> Json | None:
            try:
                return await self.call(rpc, minPosition=position)
            except Refusal as refusal:
                if refusal.code != "POSITION_NOT_REACHED":
                    raise
                return None

        answer: Json = await eventually(ask, timeout=30)
        return answer

    async def joins(self, creator: str = "", handle: str = "") -> None:
        creator, handle = creator or self.creator, handle or f"ana.{self.creator[-10:]}"
        measured = {"capturedAt": iso(self._ports.clock.now()), "posts": 9, "views": 50_000, "medianViews": 6_000}
        account = {"platform": "tiktok", "handle": "ana", "followers": 40_000}
        performance = {**measured, "engagementRate": 0.05, "engagementRateMethod": "by_views"}
        said = {"handle": handle, "name": "Ana", "age": 30, "country": "DE", "niches": ["cooking"], "accounts": [account]}
        joined = await self.call("ApplyToJoin", creator, **said, performance=performance)
        assert joined["status"] == "joined"

    async def campaigns_tell(self, stream: str, *events: Event, hours: int = 0) -> None:
        """Facts of the campaigns service, as its relay publishes them; each time from a stream that nobody knows."""
        commit_id = commit_id_of(stream, str(hours))
        expected = 0 if hours == 0 else 1
        meta = Meta(actor="service:campaigns", correlation_id=commit_id)
        new = NewCommit(stream, expected, GENESIS, commit_id, AT + hours * HOUR, meta, store_events(commit_id, events))
        commit = new.at_position(next(POSITIONS))
        told = [to_cloudevent(commit, index, "campaigns", NO_MARK) for index in range(len(events))]
        await self._ports.bus.publish(topic("campaigns"), [Message(stream, value, headers) for headers, value in told])


@pytest.fixture(scope="module")
async def discovery(kafka: str, mongo: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Discovery]:
    """One for all tests: a second log under the same topic would begin where the read models have been already."""
    client, clock, ids = MongoClient(mongo), SystemClock(), SystemIds()
    database, bus = client.database("limelight_discovery"), KafkaBus(kafka, clock, ids)
    ports = Ports(MongoCommitLog(database, clock, ids), MongoDocuments(database, ids), bus, clock, ids)
    issuer = DevelopmentIssuer(tmp_path_factory.mktemp("issuer"))
    service = build(Settings(oidc_jwks=str(issuer.jwks), index_directory=tmp_path_factory.mktemp("index")), ports)
    await service.start()
    await eventually(lambda: _ready(service), timeout=30)
    yield service, ports, issuer
    await service.stop()
    await bus.stop()
    await client.drop_database("limelight_discovery")
    client.close()


@pytest.fixture
def desk(discovery: Discovery) -> Desk:
    return Desk(*discovery)


async def _ready(service: Service) -> bool:
    return not await service.readiness()


async def test_facts_of_other_services_become_badges_and_badges_become_matches(desk: Desk) -> None:
    await desk.joins()
    wanted = {"name": "Reliable cooks", "criteria": {"niches": ["cooking"], "badges": ["reliable"]}}
    saved = await desk.call("SaveSearch", **wanted)
    listed = await desk.listed("ListSavedSearches", saved["position"])
    assert [one["criteria"]["badges"] for one in listed["savedSearches"]] == [["reliable"]]

    await a_deal_is_done(desk)
    record = await eventually(lambda: _complete(desk), timeout=30)
    assert {one["badge"]: one["evidence"] for one in record["badges"]} == {
        "responsive": {"answers": 3, "median_hours": 2},
        "experienced": {"collaborations": 1},
        "reliable": {"deliveries": 3, "on_time": 1},
    }
    found = await eventually(lambda: _matched(desk, saved["savedSearchId"]), timeout=30)
    assert [one["creatorId"] for one in found["matches"]] == [desk.creator]


async def a_deal_is_done(desk: Desk) -> None:
    """Three invitations that are answered, a contract with three deliverables."""
    window = Schedule(starts_at=AT, ends_at=AT + 24 * HOUR)
    video = DeliverableTemplate(platform=Platform.TIKTOK, format="video")
    terms = Terms(fee=Money(amount=1, currency="EUR"), deliverables=(video,), revisions=0, post_window=window)
    names = {"campaign_id": derive("cmp", desk.brand), "brand_id": desk.brand, "creator_id": desk.creator}
    for number in range(3):
        talk = {**names, "engagement_id": derive("eng", desk.creator, str(number))}
        opened = EngagementOpened(**talk, opened_by=Party.BRAND, terms=terms, brief=Brief(), expires_at=AT + 72 * HOUR)
        await desk.campaigns_tell(talk["engagement_id"], opened)
        agreed = OfferAccepted(**talk, offer_version=1, by=Party.CREATOR, terms=terms, brief=Brief())
        await desk.campaigns_tell(talk["engagement_id"], agreed, hours=2)
    deal = {**names, "contract_id": derive("ctr", desk.creator)}
    deliverables = [derive("dlv", desk.creator, str(number)) for number in range(3)]
    posts = [PostVerified(**deal, deliverable_id=one, post_id=derive("pst", one)) for one in deliverables]
    await desk.campaigns_tell(deal["contract_id"], *posts, ContractFulfilled(**deal))


async def _complete(desk: Desk) -> Json | None:
    record = await desk.call("GetTrackRecord", creatorId=desk.creator)
    return record if len(record["badges"]) == 3 else None


async def _matched(desk: Desk, search: str) -> Json | None:
    found = await desk.call("GetSavedSearch", savedSearchId=search)
    return found if found["matchCount"] else None


async def test_who_joins_is_found_within_a_second(desk: Desk) -> None:
    """By whoever did not wait for a position: from the command's answer to the search that shows it. The fastest of five, as
    this is about what it waits for, not about the machine."""
    took = []
    for number in range(5):
        handle = f"fast.{desk.creator[-8:]}.{number}"
        await desk.joins(f"{desk.creator}{number}", handle)
        since = time.monotonic()
        await eventually(lambda handle=handle: _found(desk, handle), timeout=30, every=0.01)
        took.append(time.monotonic() - since)
    assert min(took) < 1, took


async def test_who_is_suspended_or_erased_is_shown_to_no_brand_as_it_is_or_as_it_was(desk: Desk) -> None:
    await desk.joins()
    who, handle = {"creatorId": desk.creator}, f"ana.{desk.creator[-10:]}"
    await eventually(lambda: _found(desk, handle), timeout=30)
    assert (await desk.call("GetCreator", **who, asOf="2"))["handle"] == handle

    await desk.call("SuspendCreator", "operator", **who, reason="Bought followers.")
    await eventually(lambda: _gone(desk, handle), timeout=30)
    await desk.call("ReinstateCreator", "operator", **who)
    await eventually(lambda: _found(desk, handle), timeout=30)
    erased = await desk.call("EraseCreator", "operator", **who)
    await eventually(lambda: _gone(desk, handle), timeout=30)
    assert (await desk.call("SearchCreators", text=handle, minPosition=erased["position"])).get("creators", []) == []
    for as_of in ({}, {"asOf": "2"}, {"asOf": "99"}, {"asOf": iso(AT)}):
        with pytest.raises(Refusal, match="NOT_FOUND"):
            await desk.call("GetCreator", **who, **as_of)


async def _found(desk: Desk, handle: str) -> bool:
    return handle in [one["handle"] for one in (await desk.call("SearchCreators", text=handle))["creators"]]


async def _gone(desk: Desk, handle: str) -> bool:
    return not await _found(desk, handle)


async def test_a_team_shares_its_shortlist_and_others_are_told_that_there_is_none(desk: Desk) -> None:
    await desk.joins()
    made = await desk.call("CreateShortlist", name="Summer")
    which = {"shortlistId": made["shortlistId"]}
    for note in ("?", "Great hooks"):
        added = await desk.call("AddToShortlist", **which, creatorId=desk.creator, note=note)
    assert added["creators"] == [{"creatorId": desk.creator, "note": "Great hooks"}]
    listed = await desk.listed("ListShortlists", added["position"])
    assert [(one["name"], one["creatorCount"]) for one in listed["shortlists"]] == [("Summer", 1)]
    assert (await desk.call("GetShortlist", **which, asOf="1"))["creators"] == []

    assert (await desk.call("ListShortlists", desk.rival))["shortlists"] == []
    for rpc in ("GetShortlist", "DeleteShortlist"):
        with pytest.raises(Refusal, match="NOT_FOUND"):
            await desk.call(rpc, desk.rival, **which)
    with pytest.raises(Refusal, match="NOT_FOUND"):
        await desk.call("AddToShortlist", **which, creatorId=derive("crt", desk.rival))

    removed = await desk.call("RemoveFromShortlist", **which, creatorId=desk.creator)
    assert removed["creators"] == []
    gone = await desk.call("DeleteShortlist", **which)
    assert gone["status"] == "deleted"
    assert (await desk.listed("ListShortlists", gone["position"]))["shortlists"] == []
    with pytest.raises(Refusal, match="NOT_FOUND"):
        await desk.call("GetShortlist", **which)


async def test_a_saved_search_is_its_teams_and_can_be_deleted(desk: Desk) -> None:
    saved = await desk.call("SaveSearch", name="Cooks", criteria={"countries": ["DE"], "followers": {"least": "10000"}})
    which = {"savedSearchId": saved["savedSearchId"]}
    with pytest.raises(Refusal, match="NOT_FOUND"):
        await desk.call("GetSavedSearch", desk.rival, **which)
    with pytest.raises(Refusal, match="UNKNOWN_COUNTRY"):
        await desk.call("SaveSearch", name="Cooks", criteria={"countries": ["XX"]})

    assert len((await desk.listed("ListSavedSearches", saved["position"]))["savedSearches"]) == 1
    await desk.joins()
    assert (await eventually(lambda: _matched(desk, saved["savedSearchId"]), timeout=30))["matchCount"] == 1
    gone = await desk.call("DeleteSavedSearch", **which)
    assert (await desk.listed("ListSavedSearches", gone["position"]))["savedSearches"] == []
