"""A deposit whose answer was lost is known as soon as the provider tells of it: by HTTP, signed."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from cli.story.api import Api, Person
from libs.chassis.system import SystemClock, SystemIds
from libs.chassis.webhooks import secret, signed
from tests.e2e.marketplace import WEBHOOK_SECRET, Marketplace

ANSWER_LOST = 1_017
"""An amount that the sandbox takes, and says nothing of when it is asked to."""
PATH = "/v1/webhooks/payments/sandbox"


@pytest.fixture
async def api(marketplace: Marketplace) -> Any:
    async with marketplace.api() as api:
        yield api


async def deposited(api: Api) -> tuple[Person, dict[str, Any]]:
    """A brand, and its deposit once nobody knows what became of it."""
    brand = api.person("wanda", "brand", SystemIds().new("brd", SystemClock().now()))
    await api.post(brand, "/v1/brands", {"name": "Glow", "website": "https://glow.example"})
    await api.post(brand, f"/v1/brands/{brand.party}/deposits", {"amount": {"amount": ANSWER_LOST, "currency": "EUR"}})

    async def deposit() -> Any:
        return (await api.get(brand, f"/v1/accounts/{brand.party}"))["deposits"][0]

    return brand, await api.until("the answer is lost", deposit, lambda found: found["status"] == "unknown")


def told(brand: Person, deposit: dict[str, Any]) -> bytes:
    return orjson.dumps({"type": "charge", "key": deposit["depositId"], "brand_id": brand.party})


async def tell(client: httpx.AsyncClient, payload: bytes, key: bytes, id_: str = "msg_1") -> httpx.Response:
    headers = signed(key, id_, SystemClock().now(), payload) | {"content-type": "application/json"}
    return await client.post(PATH, content=payload, headers=headers)


async def test_a_webhook_tells_what_the_lost_answer_did_not(marketplace: Marketplace, api: Api) -> None:
    brand, deposit = await deposited(api)
    payload, key = told(brand, deposit), secret(WEBHOOK_SECRET)
    forged = await tell(api.client, payload, key[::-1])
    assert (forged.status_code, forged.json()["code"]) == (401, "SIGNATURE_INVALID")
    elsewhere = await api.client.post(PATH.replace("sandbox", "another"), content=payload)
    assert elsewhere.status_code == 404

    taken = await tell(api.client, payload, key)

    assert (taken.status_code, taken.json()) == (200, {})
    account = await api.get(brand, f"/v1/accounts/{brand.party}")
    assert account["deposits"] == [{**deposit, "status": "deposited"}]
    assert account["balances"][0]["available"] == ANSWER_LOST

    for id_ in ("msg_1", "msg_2"):
        assert (await tell(api.client, payload, key, id_)).status_code == 200
    events = [event for commit in await marketplace.commits("payments") for event in commit.events]
    of_it = [event.type.rpartition(".")[2] for event in events if event.data.get("deposit_id") == deposit["depositId"]]
    assert of_it == ["DepositRequested", "DepositOutcomeUnknown", "FundsDeposited"], "nobody had to look it up by the clock"
    assert (await api.get(brand, f"/v1/accounts/{brand.party}"))["balances"][0]["available"] == ANSWER_LOST
