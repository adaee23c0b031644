"""Tokens of the development issuer, for whoever tries the local run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli.console import DATA_DIR, DataDir, fail
from libs.chassis.issuer import DevelopmentIssuer
from libs.events.decider import Role
from libs.events.ids import compose

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
BRAND, CREATOR = compose("brd", BEGINNING, 1), compose("crt", BEGINNING, 2)
"""The parties that the printed tokens act for, the same in every run."""
PREFIXES = {Role.BRAND: "brd_", Role.CREATOR: "crt_"}
LIFETIME = timedelta(hours=12)

Mint = Callable[[str, str, str | None], str]
"""(subject, role, party) -> token."""


def issuer(data: Path) -> DevelopmentIssuer:
    """The issuer of this data directory; its keys are made when they are first needed."""
    return DevelopmentIssuer(data / "issuer")


def minter(data: Path) -> Mint:
    keys = issuer(data)
    return lambda subject, role, party: keys.mint(subject, Role(role), party)


def sign_in_tokens(data: Path) -> list[tuple[str, str]]:
    """Who and their token, for the three that one wants to be first."""
    keys = issuer(data)
    return [
        ("operator", keys.mint("olga", Role.OPERATOR, None, LIFETIME)),
        (f"brand {BRAND}", keys.mint("bruno", Role.BRAND, BRAND, LIFETIME)),
        (f"creator {CREATOR}", keys.mint("carla", Role.CREATOR, CREATOR, LIFETIME)),
    ]


def token(
    role: Annotated[str, typer.Option(help="creator, brand, operator, service or data.")],
    party: Annotated[
        str | None, typer.Option(help="Whom it acts for: brd_… or crt_…; default: a fixed one of the role.")
    ] = None,
    sub: Annotated[str | None, typer.Option(help="Who signs in; default: the role's name.")] = None,
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 365, help="How long it is valid.")] = 12,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Print a token of the development issuer: curl -H "Authorization: Bearer $(limelight token --role operator)" …"""
    try:
        as_role = Role(role)
    except ValueError:
        fail(f"there is no role {role!r}; there are {', '.join(known.value for known in Role)}", code=2)
    prefix = PREFIXES.get(as_role)
    if party is None and prefix:
        party = BRAND if as_role is Role.BRAND else CREATOR
    if party is not None and not party.startswith(prefix or ("brd_", "crt_")):
        fail(f"a {role} acts for {prefix or 'brd_… or crt_'}…, not for {party!r}", code=2)
    print(issuer(data_dir.resolve()).mint(sub or role, as_role, party, timedelta(hours=hours)))
