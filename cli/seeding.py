"""`limelight seed`: whoever signs in with the printed tokens finds themselves there, among others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from cli import people, state
from cli.console import DATA_DIR, DataDir, fail, out
from cli.story.api import Api, Broken, Refused
from cli.story.cast import creators

DIRECTORY = 40
"""Creators that apply; some are not eligible, and can read why."""
SEED = 7


def seed(data_dir: DataDir = DATA_DIR) -> None:
    """Register and verify the brand of the printed token, let its creator join, and fill the directory. Doing it again changes
    nothing."""
    data = data_dir.resolve()
    try:
        joined = asyncio.run(plant(state.gateway_address(data), data))
    except (Broken, Refused) as error:
        fail(f"could not be seeded: {error}")
    out.print(f"A verified brand, and {joined} creators in the directory." if joined else "It is there already.")


async def plant(url: str, data: Path) -> int:
    """Returns how many creators joined; 0 if it had been done before."""
    async with httpx.AsyncClient(base_url=url, timeout=30.0, trust_env=False) as client:
        api = Api(client, people.minter(data), run="seed")
        operator, brand = api.person("olga", "operator"), api.person("bruno", "brand", people.BRAND)
        applying = list(creators(DIRECTORY, SEED, SEED, people.BEGINNING))
        applying[0] = (people.CREATOR, applying[0][1])
        if await _exists(api, f"/v1/creators/{applying[-1][0]}"):
            return 0  # the last of it is there; what was cut off is sent again, under the same keys
        await api.post(brand, "/v1/brands", {"name": "Aurora Studio", "website": "https://aurora.example"})
        papers = {"legalName": "Aurora Studio Ltd", "registrationNumber": "12345678"}
        await api.post(brand, f"/v1/brands/{people.BRAND}:submitVerification", papers)
        await api.post(operator, f"/v1/brands/{people.BRAND}:verify")
        answers = [await api.post(api.person(who, "creator", who), "/v1/creators", body) for who, body in applying]
        return sum(answer["status"] == "joined" for answer in answers)


async def _exists(api: Api, path: str) -> bool:
    try:
        await api.get(api.person("olga", "operator"), path)
    except Refused as refused:
        if refused.status == 404:
            return False
        raise
    return True
