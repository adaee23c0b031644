"""`limelight demo`: one deal from beginning to end."""

from __future__ import annotations

import asyncio
from typing import Annotated

import httpx
import typer

from cli import people, state
from cli.console import DATA_DIR, DataDir, fail, out


def demo(
    seed: Annotated[int, typer.Option(help="Another seed tells it with other creators.")] = 1,
    creators: Annotated[int, typer.Option(min=20, max=5000, help="How many apply.")] = 200,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Play one deal through the running marketplace: verification, search, offers, signature, money, posts, results."""
    data = data_dir.resolve()
    url = state.gateway_address(data)
    try:
        asyncio.run(_tell(url, people.minter(data), seed, creators))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


async def _tell(url: str, mint: people.Mint, seed: int, creators: int) -> None:
    from cli.story import Api, Refused, tell
    from cli.story.api import Broken

    async with httpx.AsyncClient(base_url=url, timeout=30.0, trust_env=False) as client:
        try:
            await tell(Api(client, mint), seed=seed, creators=creators, console=out)
        except (Broken, Refused) as error:
            fail(f"the story does not hold: {error}")
