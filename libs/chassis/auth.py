"""Who calls: a signed token in, an `Actor` out. Nothing in a token's header chooses how the token is checked."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from libs.events.decider import Actor, Kind, Refusal, Role
from libs.events.ports import Clock

ALGORITHMS = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256", ("RSA", None): "RS256"}
"""Key type and curve -> the one algorithm that a key verifies. Symmetric keys are never in a key set."""

TYPES = frozenset({"jwt", "at+jwt"})
HEADERS = frozenset({"alg", "kid", "typ"})
"""A token with any other header (jwk, jku, x5u, crit, …) asks to be checked in another way than ours."""

PARTY = {Role.BRAND: re.compile(r"^brd_[0-9a-z]{10,40}$"), Role.CREATOR: re.compile(r"^crt_[0-9a-z]{10,40}$")}
SKEW = 5.0
"""Seconds that an issuer's clock may be ahead of ours."""
LEAST_RSA_BITS, LONGEST_TOKEN, LARGEST_KEY_SET = 2048, 8192, 262_144
KEYS_FRESH, LEAST_BETWEEN_FETCHES = 300.0, 10.0
"""Seconds that a key set is taken as current; seconds between two fetches, however many unknown keys are named."""

Fetch = Callable[[], Awaitable[bytes]]


class Keys:
    """An issuer's public keys by id. An unknown id or an old set fetches again; a failed fetch keeps what is known."""

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        self._fetch, self._clock = fetch, clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched: float | None = None
        self._tried: float | None = None

    async def key(self, kid: str) -> jwt.PyJWK | None:
        now = self._clock.monotonic()
        stale = self._fetched is None or now - self._fetched > KEYS_FRESH
        may = self._tried is None or self._fetched is None or now - self._tried > LEAST_BETWEEN_FETCHES
        if (stale or kid not in self._keys) and may:
            await self._refresh(now)
        return self._keys.get(kid)

    async def _refresh(self, now: float) -> None:
        self._tried = now
        try:
            found = orjson.loads(await self._fetch())["keys"]
            self._keys = {key.key_id: key for key in map(_usable, found) if key is not None and key.key_id}
            self._fetched = now
        except (OSError, httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            if self._fetched is None:
                raise Refusal(
                    "KEYS_UNAVAILABLE", "the issuer's keys cannot be read now: try again", kind=Kind.UNAVAILABLE
                ) from error


def keys_at(source: str, clock: Clock) -> Keys:
    """Keys from an https URL (no redirects, bounded in size and time) or from a file."""
    return Keys(_from_url(source) if source.startswith("https://") else _from_file(Path(source)), clock)


class Verifier:
    """Checks a token's signature, type, issuer, audience and times."""

    def __init__(self, issuer: str, audience: str, keys: Keys, clock: Clock, *, most_cached: int = 10_000) -> None:
        """`most_cached`: verified tokens that are remembered, each until it expires or the keys are due to be read again."""
        self._issuer, self._audience, self._keys, self._clock, self._most = issuer, audience, keys, clock, most_cached
        self._verified: OrderedDict[str, tuple[Actor, float, float]] = OrderedDict()

    async def authorize(self, authorization: str | None) -> Actor:
        """The actor of an `authorization: Bearer …` value. Raises `Refusal` (UNAUTHENTICATED)."""
        if not authorization:
            raise _refused("TOKEN_MISSING", "a bearer token is needed")
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _refused("TOKEN_MISSING", "the authorization must be a bearer token")
        return await self.verify(token.strip())

    async def verify(self, token: str) -> Actor:
        """The actor that a token stands for. Raises `Refusal` (UNAUTHENTICATED; UNAVAILABLE while no keys can be read)."""
        now, tick = self._clock.now().timestamp(), self._clock.monotonic()
        known = self._verified.get(token)
        if known and now < known[1] and tick < known[2]:
            self._verified.move_to_end(token)
            return known[0]
        claims = await self._claims(token)
        expires = self._times(claims, now)
        actor = _actor(claims)
        self._verified[token] = (actor, expires, tick + KEYS_FRESH)
        self._verified.move_to_end(token)
        if len(self._verified) > self._most:
            self._verified.popitem(last=False)
        return actor

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            if len(token) > LONGEST_TOKEN:
                raise jwt.InvalidTokenError("too long")
            header = jwt.get_unverified_header(token)
            key = await self._keys.key(_kid(header))
            if key is None:
                raise jwt.InvalidTokenError("unknown key")
            return jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self._audience,
                issuer=self._issuer,
                options={
                    "require": ["sub", "iss", "aud", "exp", "iat"],
                    # The clock is ours to ask, so `_times` does these.
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise _refused("TOKEN_INVALID", "the token is not one that this service accepts") from error

    def _times(self, claims: dict[str, Any], now: float) -> float:
        expires, issued, not_before = claims["exp"], claims["iat"], claims.get("nbf", 0)
        if not all(isinstance(t, (int, float)) and not isinstance(t, bool) for t in (expires, issued, not_before)):
            raise _refused("TOKEN_INVALID", "the token's times are not numbers")
        if expires <= now:
            raise _refused("TOKEN_EXPIRED", "the token has expired")
        if max(issued, not_before) > now + SKEW:
            raise _refused("TOKEN_NOT_YET_VALID", "the token is not valid yet")
        return float(expires)


def _usable(key: dict[str, Any]) -> jwt.PyJWK | None:
    """The key with the algorithm that its type allows; None for keys that are not for us."""
    algorithm = ALGORITHMS.get((key.get("kty", ""), key.get("crv")))
    if algorithm is None or key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
        return None
    try:
        usable = jwt.PyJWK(key, algorithm)
    except jwt.PyJWTError:
        return None
    if isinstance(usable.key, RSAPublicKey) and usable.key.key_size < LEAST_RSA_BITS:
        return None
    return usable


def _kid(header: dict[str, Any]) -> str:
    if set(header) - HEADERS:
        raise jwt.InvalidTokenError("headers that choose how to check")
    kid, typ = header.get("kid"), header.get("typ")
    if not isinstance(kid, str) or not isinstance(typ, str) or typ.lower() not in TYPES:
        raise jwt.InvalidTokenError("no key id or another type")
    return kid


def _actor(claims: dict[str, Any]) -> Actor:
    subject, role, party = claims["sub"], claims.get("role"), claims.get("party")
    if role not in set(Role) or not isinstance(subject, str) or not 1 <= len(subject) <= 255:
        raise _refused("TOKEN_INVALID", "the token names no subject or no role that exists here")
    expected = PARTY.get(Role(role))
    fits = party is None if expected is None else isinstance(party, str) and bool(expected.match(party))
    if not fits:
        raise _refused("TOKEN_INVALID", "the token's party does not fit its role")
    return Actor(subject, Role(role), party)


def _refused(code: str, message: str) -> Refusal:
    return Refusal(code, message, kind=Kind.UNAUTHENTICATED)


def _from_file(path: Path) -> Fetch:
    async def fetch() -> bytes:
        return path.read_bytes()  # noqa: ASYNC240 - a kilobyte, once in five minutes

    return fetch


def _from_url(url: str) -> Fetch:
    async def fetch() -> bytes:
        async with httpx.AsyncClient(timeout=3.0, follow_redirects=False) as client, client.stream("GET", url) as answer:
            answer.raise_for_status()
            body = b""
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > LARGEST_KEY_SET:
                    raise ValueError("the key set is too large")
            return body

    return fetch
