from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from libs.chassis.auth import Keys, Verifier, keys_at
from libs.chassis.issuer import DevelopmentIssuer
from libs.events.decider import Actor, Kind, Refusal, Role
from libs.events.memory import ManualClock
from tests.unit.chassis.notes import BRAND, CREATOR

ISSUER, AUDIENCE = "https://issuer.example", "limelight"


class Authority:
    """An issuer whose tokens can be spoilt in any way, and whose key set can change."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.fetches, self.broken = clock, 0, False
        self.key = Ed25519PrivateKey.generate()
        self.published = [self.public(self.key, "one")]

    def public(self, key: Any, kid: str, **more: Any) -> dict[str, Any]:
        algorithm: Any = {
            Ed25519PrivateKey: jwt.algorithms.OKPAlgorithm,
            ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm,
            rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm,
        }[next(kind for kind in (Ed25519PrivateKey, ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey) if isinstance(key, kind))]
        return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, **more}

    async def fetch(self) -> bytes:
        self.fetches += 1
        if self.broken:
            raise OSError("no route")
        return orjson.dumps({"keys": self.published})

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = int(self.clock.now().timestamp())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "role": "brand", "party": BRAND, "iat": now, "exp": now + 60}
        return {name: value for name, value in (claims | changed).items() if value is not None}

    def token(self, key: Any = None, algorithm: str = "EdDSA", headers: dict[str, Any] | None = None, **changed: Any) -> str:
        given = {"kid": "one", "typ": "at+jwt"} | (headers or {})
        return jwt.encode(self.claims(**changed), key or self.key, algorithm=algorithm, headers=given)


@pytest.fixture
def authority(clock: ManualClock) -> Authority:
    return Authority(clock)


@pytest.fixture
def verifier(authority: Authority, clock: ManualClock) -> Verifier:
    return Verifier(ISSUER, AUDIENCE, Keys(authority.fetch, clock), clock)


async def refused(verifier: Verifier, token: str) -> str:
    with pytest.raises(Refusal) as refusal:
        await verifier.verify(token)
    assert refusal.value.kind is Kind.UNAUTHENTICATED
    return refusal.value.code


async def test_a_good_token_is_its_actor(authority: Authority, verifier: Verifier) -> None:
    assert await verifier.verify(authority.token()) == Actor("ann", Role.BRAND, BRAND)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"iss": "https://elsewhere.example"}, "TOKEN_INVALID"),
        ({"iss": None}, "TOKEN_INVALID"),
        ({"aud": "another"}, "TOKEN_INVALID"),
        ({"aud": None}, "TOKEN_INVALID"),
        ({"sub": None}, "TOKEN_INVALID"),
        ({"sub": ""}, "TOKEN_INVALID"),
        ({"exp": None}, "TOKEN_INVALID"),
        ({"iat": None}, "TOKEN_INVALID"),
        ({"exp": "soon"}, "TOKEN_INVALID"),
        ({"role": None}, "TOKEN_INVALID"),
        ({"role": "root"}, "TOKEN_INVALID"),
        ({"party": CREATOR}, "TOKEN_INVALID"),
        ({"role": "operator", "party": BRAND}, "TOKEN_INVALID"),
        ({"party": "brd_../../x"}, "TOKEN_INVALID"),
    ],
)
async def test_a_token_with_wrong_claims_is_refused(
    authority: Authority, verifier: Verifier, changed: dict[str, Any], code: str
) -> None:
    assert await refused(verifier, authority.token(**changed)) == code


async def test_a_token_is_good_from_its_begin_to_its_end(authority: Authority, verifier: Verifier, clock: ManualClock) -> None:
    now = int(clock.now().timestamp())
    assert await refused(verifier, authority.token(nbf=now + 30)) == "TOKEN_NOT_YET_VALID"
    assert await refused(verifier, authority.token(iat=now + 30)) == "TOKEN_NOT_YET_VALID"
    assert await refused(verifier, authority.token(exp=now)) == "TOKEN_EXPIRED"


async def test_a_token_that_was_accepted_is_refused_once_it_expires(
    authority: Authority, verifier: Verifier, clock: ManualClock
) -> None:
    token = authority.token()
    await verifier.verify(token)
    clock.advance(59)
    await verifier.verify(token)
    clock.advance(1)
    assert await refused(verifier, token) == "TOKEN_EXPIRED"


async def test_another_key_under_a_known_id_is_refused(authority: Authority, verifier: Verifier) -> None:
    assert await refused(verifier, authority.token(Ed25519PrivateKey.generate())) == "TOKEN_INVALID"


async def test_a_token_without_a_key_id_is_refused(authority: Authority, verifier: Verifier) -> None:
    token = jwt.encode(authority.claims(), authority.key, algorithm="EdDSA", headers={"typ": "at+jwt"})
    assert await refused(verifier, token) == "TOKEN_INVALID"


async def test_a_token_without_a_signature_is_refused(authority: Authority, verifier: Verifier) -> None:
    head = base64.urlsafe_b64encode(orjson.dumps({"alg": "none", "typ": "JWT", "kid": "one"})).rstrip(b"=").decode()
    body = authority.token().split(".")[1]
    assert await refused(verifier, f"{head}.{body}.") == "TOKEN_INVALID"
    assert await refused(verifier, f"{head}.{body}.{authority.token().split('.')[2]}") == "TOKEN_INVALID"


async def test_a_public_key_is_never_taken_for_a_shared_secret(authority: Authority, verifier: Verifier) -> None:
    secret = authority.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert await refused(verifier, authority.token(secret, "HS256")) == "TOKEN_INVALID"


async def test_a_shared_secret_in_the_key_set_is_passed_over(authority: Authority, verifier: Verifier) -> None:
    secret = b"s" * 32
    encoded = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    authority.published.append({"kty": "oct", "k": encoded, "kid": "two", "alg": "HS256"})
    assert await refused(verifier, authority.token(secret, "HS256", {"kid": "two"})) == "TOKEN_INVALID"


async def test_a_key_verifies_by_one_algorithm_only(authority: Authority, verifier: Verifier) -> None:
    key = rsa.generate_private_key(65537, 2048)
    authority.published.append(authority.public(key, "rsa"))
    assert (await verifier.verify(authority.token(key, "RS256", {"kid": "rsa"}))).subject == "ann"
    assert await refused(verifier, authority.token(key, "RS512", {"kid": "rsa"})) == "TOKEN_INVALID"
    assert await refused(verifier, authority.token(key, "PS256", {"kid": "rsa"})) == "TOKEN_INVALID"


async def test_an_elliptic_key_verifies_es256(authority: Authority, verifier: Verifier) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    authority.published.append(authority.public(key, "ec"))
    assert (await verifier.verify(authority.token(key, "ES256", {"kid": "ec"}))).subject == "ann"


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits long")
async def test_a_weak_or_foreign_purpose_key_is_passed_over(authority: Authority, verifier: Verifier) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    authority.published += [authority.public(weak, "weak"), authority.public(authority.key, "encrypting", use="enc")]
    assert await refused(verifier, authority.token(weak, "RS256", {"kid": "weak"})) == "TOKEN_INVALID"
    assert await refused(verifier, authority.token(headers={"kid": "encrypting"})) == "TOKEN_INVALID"


@pytest.mark.parametrize("header", ["jwk", "jku", "x5u", "x5c", "crit", "b64"])
async def test_a_header_that_would_choose_the_check_is_refused(authority: Authority, verifier: Verifier, header: str) -> None:
    own = Ed25519PrivateKey.generate()
    value: Any = {"jwk": authority.public(own, "own"), "crit": ["exp"], "b64": True}.get(
        header, "https://attacker.example/keys"
    )
    head = base64.urlsafe_b64encode(orjson.dumps({"alg": "EdDSA", "typ": "JWT", "kid": "one", header: value})).rstrip(b"=")
    body = authority.token().split(".")[1].encode()
    for key in (own, authority.key):
        signature = base64.urlsafe_b64encode(key.sign(head + b"." + body)).rstrip(b"=")
        assert await refused(verifier, b".".join([head, body, signature]).decode()) == "TOKEN_INVALID"


@pytest.mark.parametrize("typ", ["id+jwt", "logout+jwt", ""])
async def test_a_token_of_another_type_is_refused(authority: Authority, verifier: Verifier, typ: str) -> None:
    assert await refused(verifier, authority.token(headers={"typ": typ})) == "TOKEN_INVALID"


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "....", "x" * 10_000, "é.é.é"])
async def test_what_is_no_token_is_refused(verifier: Verifier, token: str) -> None:
    assert await refused(verifier, token) == "TOKEN_INVALID"


@pytest.mark.parametrize("header", [None, "", "Basic YTpi", "Bearer", "Bearer "])
async def test_no_bearer_token_is_told_so(verifier: Verifier, header: str | None) -> None:
    with pytest.raises(Refusal, match="TOKEN_MISSING"):
        await verifier.authorize(header)


async def test_a_rotated_key_is_found_without_a_restart(authority: Authority, verifier: Verifier, clock: ManualClock) -> None:
    await verifier.verify(authority.token())
    new = Ed25519PrivateKey.generate()
    authority.published = [authority.public(new, "new")]
    clock.advance(11)
    assert (await verifier.verify(authority.token(new, headers={"kid": "new"}))).subject == "ann"
    assert await refused(verifier, authority.token()) == "TOKEN_INVALID"


async def test_a_withdrawn_key_is_forgotten_also_for_tokens_that_were_accepted(
    authority: Authority, verifier: Verifier, clock: ManualClock
) -> None:
    token = authority.token(exp=int(clock.now().timestamp()) + 3600)
    await verifier.verify(token)
    authority.published = []
    clock.advance(301)
    assert await refused(verifier, token) == "TOKEN_INVALID"


async def test_unknown_key_ids_do_not_make_us_fetch_for_each(authority: Authority, verifier: Verifier) -> None:
    await verifier.verify(authority.token())
    for number in range(20):
        await refused(verifier, authority.token(headers={"kid": f"unknown-{number}"}))
    assert authority.fetches == 1


async def test_known_keys_outlive_an_outage_of_the_issuer(authority: Authority, verifier: Verifier, clock: ManualClock) -> None:
    await verifier.verify(authority.token())
    authority.broken = True
    clock.advance(400)
    assert (await verifier.verify(authority.token())).subject == "ann"


async def test_without_any_keys_the_service_is_unavailable_not_the_token_wrong(
    authority: Authority, verifier: Verifier
) -> None:
    authority.broken = True
    with pytest.raises(Refusal) as refusal:
        await verifier.verify(authority.token())
    assert (refusal.value.code, refusal.value.kind) == ("KEYS_UNAVAILABLE", Kind.UNAVAILABLE)


async def test_remembered_tokens_are_bounded(authority: Authority, clock: ManualClock) -> None:
    verifier = Verifier(ISSUER, AUDIENCE, Keys(authority.fetch, clock), clock, most_cached=3)
    for number in range(10):
        await verifier.verify(authority.token(jti=str(number)))
    assert len(verifier._verified) == 3


async def test_the_development_issuers_tokens_are_accepted_from_its_file(tmp_path: Path, clock: ManualClock) -> None:
    issuer = DevelopmentIssuer(tmp_path, clock=clock)
    verifier = Verifier("urn:limelight:development", "limelight", keys_at(str(issuer.jwks), clock), clock)
    again = DevelopmentIssuer(tmp_path, clock=clock)
    assert await verifier.verify(again.mint("cat", Role.CREATOR, CREATOR)) == Actor("cat", Role.CREATOR, CREATOR)
    expired = issuer.mint("cat", Role.CREATOR, CREATOR, ttl=timedelta(seconds=-1))
    assert await refused(verifier, expired) == "TOKEN_EXPIRED"
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0


def test_the_development_issuer_is_refused_in_production(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="refused in production"):
        DevelopmentIssuer(tmp_path, environment="production")
    assert list(tmp_path.iterdir()) == []
