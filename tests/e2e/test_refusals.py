"""What the gateway answers to whom it cannot serve. Nothing is written in any of these."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from cli.story.api import Api, Person
from libs.chassis.system import SystemClock, SystemIds
from libs.events.ids import compose
from tests.e2e.marketplace import Marketplace

Headers = dict[str, str]


class Desk:
    """A brand with a draft campaign, and strangers."""

    def __init__(self, api: Api) -> None:
        self.client, clock, ids = api.client, SystemClock(), SystemIds()
        self.brand = api.person("bruno", "brand", ids.new("brd", clock.now()))
        self.stranger = api.person("sam", "brand", ids.new("brd", clock.now()))
        self.creator = api.person("ana", "creator", ids.new("crt", clock.now()))
        self.campaign = ""

    async def send(
        self, who: Person | None, method: str, path: str, body: Any = None, headers: Headers | None = None
    ) -> httpx.Response:
        token = {"authorization": f"Bearer {who.token}"} if who else {}
        return await self.client.request(method, path, json=body, headers={**token, **(headers or {})})


DRAFT = {"name": "Breakfast", "objective": "awareness", "mode": "open"}


@pytest.fixture(scope="module")
async def desk(marketplace: Marketplace) -> AsyncIterator[Desk]:
    async with marketplace.api() as api:
        desk = Desk(api)
        await api.post(desk.brand, "/v1/brands", {"name": "Glow", "website": "https://glow.example"})
        desk.campaign = (await api.post(desk.brand, "/v1/campaigns", DRAFT))["campaignId"]
        yield desk


@pytest.fixture
async def nothing_is_written(marketplace: Marketplace, desk: Desk) -> AsyncIterator[None]:
    before = await marketplace.settled()
    yield
    assert await marketplace.stored() == before


def problem_of(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem, which must be this one."""
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code), problem
    return problem


@pytest.mark.usefixtures("nothing_is_written")
class TestNothingIsWritten:
    async def test_bad_input_is_400_with_the_path_of_the_field(self, desk: Desk) -> None:
        body = {**DRAFT, "budget": {"amount": 1, "currency": "dollars"}}
        problem = problem_of(await desk.send(desk.brand, "POST", "/v1/campaigns", body), 400, "INVALID_FIELD")
        assert [error["field"] for error in problem["errors"]] == ["budget.currency"]

    async def test_an_unknown_field_is_400_by_its_name(self, desk: Desk) -> None:
        answer = await desk.send(desk.brand, "POST", "/v1/campaigns", {**DRAFT, "bugdet": 1})
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == ["bugdet"]

    async def test_an_illegal_transition_is_409_with_what_would_be_legal(self, desk: Desk) -> None:
        answer = await desk.send(desk.brand, "POST", f"/v1/campaigns/{desk.campaign}:pause", {})
        problem = problem_of(answer, 409, "ILLEGAL_TRANSITION")
        assert "LaunchCampaign" in problem["legal"]

    async def test_what_is_not_yours_is_404(self, desk: Desk) -> None:
        path = f"/v1/campaigns/{desk.campaign}"
        problem_of(await desk.send(desk.stranger, "GET", path), 404, "NOT_FOUND")
        problem_of(await desk.send(desk.stranger, "POST", f"{path}:launch", {}), 404, "NOT_FOUND")

    async def test_what_is_not_yours_and_what_is_not_there_look_the_same(self, desk: Desk) -> None:
        missing = compose("cmp", SystemClock().now(), 7)
        foreign = (await desk.send(desk.stranger, "GET", f"/v1/campaigns/{desk.campaign}")).json()
        absent = (await desk.send(desk.stranger, "GET", f"/v1/campaigns/{missing}")).json()
        for volatile in ("instance", "traceId"):
            foreign.pop(volatile, None)
            absent.pop(volatile, None)
        assert foreign == absent

    async def test_no_token_is_401(self, desk: Desk) -> None:
        answer = await desk.send(None, "POST", "/v1/campaigns", DRAFT)
        problem_of(answer, 401, "TOKEN_MISSING")
        assert answer.headers["www-authenticate"].startswith("Bearer")

    async def test_a_forged_token_is_401(self, desk: Desk) -> None:
        forged = {"authorization": f"Bearer {desk.brand.token[:-8]}AAAAAAAA"}
        problem_of(await desk.send(None, "POST", "/v1/campaigns", DRAFT, forged), 401, "TOKEN_INVALID")

    async def test_the_wrong_role_is_403(self, desk: Desk) -> None:
        problem_of(await desk.send(desk.creator, "POST", "/v1/campaigns", DRAFT), 403, "ROLE_NOT_ALLOWED")

    async def test_a_stale_if_match_is_412(self, desk: Desk) -> None:
        cancel = {"reason": "no budget"}
        answer = await desk.send(desk.brand, "POST", f"/v1/campaigns/{desk.campaign}:cancel", cancel, {"if-match": '"41"'})
        problem_of(answer, 412, "VERSION_MISMATCH")

    async def test_an_unknown_path_is_404_and_a_wrong_method_405(self, desk: Desk) -> None:
        assert (await desk.send(desk.brand, "GET", "/v1/nothing")).status_code == 404
        wrong = await desk.send(desk.brand, "DELETE", f"/v1/campaigns/{desk.campaign}")
        assert wrong.status_code == 405
        assert "GET" in wrong.headers["allow"]

    async def test_a_body_that_is_no_json_is_400(self, desk: Desk) -> None:
        headers = {"authorization": f"Bearer {desk.brand.token}", "content-type": "application/json"}
        answer = await desk.client.post("/v1/campaigns", content=b'{"name": ', headers=headers)
        assert answer.status_code == 400


async def test_the_same_key_is_the_same_campaign_and_another_body_is_409(desk: Desk, marketplace: Marketplace) -> None:
    key = {"idempotency-key": "one-campaign"}
    first = await desk.send(desk.brand, "POST", "/v1/campaigns", DRAFT, key)
    stored = await marketplace.settled()
    again = await desk.send(desk.brand, "POST", "/v1/campaigns", DRAFT, key)
    other = await desk.send(desk.brand, "POST", "/v1/campaigns", {**DRAFT, "name": "Dinner"}, key)
    assert first.json()["campaignId"] == again.json()["campaignId"]
    problem_of(other, 409, "IDEMPOTENCY_KEY_REUSED")
    assert await marketplace.stored() == stored


async def test_a_campaign_can_be_read_as_it_stood(desk: Desk) -> None:
    drafted = (await desk.send(desk.brand, "POST", "/v1/campaigns", DRAFT)).json()
    path = f"/v1/campaigns/{drafted['campaignId']}"
    cancelled = await desk.send(desk.brand, "POST", f"{path}:cancel", {"reason": "changed our mind"}, {"if-match": '"1"'})
    assert (cancelled.status_code, cancelled.headers["etag"]) == (200, '"2"')
    then = await desk.send(desk.brand, "GET", f"{path}?asOf=1")
    now = await desk.send(desk.brand, "GET", path)
    assert (then.json()["status"], now.json()["status"]) == ("draft", "cancelled")


async def test_a_list_with_min_position_shows_what_was_just_written(desk: Desk) -> None:
    drafted = await desk.send(desk.brand, "POST", "/v1/campaigns", {**DRAFT, "name": "Read your writes"})
    position = drafted.headers["limelight-position"]
    listed = await desk.send(desk.brand, "GET", f"/v1/campaigns?minPosition={position}&pageSize=100")
    assert drafted.json()["campaignId"] in [campaign["campaignId"] for campaign in listed.json()["campaigns"]]
