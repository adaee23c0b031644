"""The development issuer: signs the local run's tokens with a key of its own directory. It does not exist in production."""

from __future__ import annotations

import contextlib
import os
import secrets
from datetime import timedelta
from pathlib import Path

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from libs.chassis.settings import DEVELOPMENT_ISSUER
from libs.chassis.system import SystemClock
from libs.events.decider import Role
from libs.events.ports import Clock

KEY_FILE, JWKS_FILE = "key.pem", "jwks.json"


class DevelopmentIssuer:
    """An Ed25519 key pair in a directory, made when it is first asked for; `jwks.json` beside it is what services read."""

    def __init__(
        self,
        directory: Path,
        *,
        issuer: str = DEVELOPMENT_ISSUER,
        audience: str = "limelight",
        environment: str = "development",
        clock: Clock | None = None,
    ) -> None:
        """Raises `RuntimeError` in production."""
        if environment == "production":
            raise RuntimeError("the development issuer is refused in production")
        self._issuer, self._audience, self._clock = issuer, audience, clock or SystemClock()
        self._key = _key_in(directory)
        public = jwt.algorithms.OKPAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        self._kid = str(public["x"])[:16]
        self.jwks = directory / JWKS_FILE
        _write_once(self.jwks, orjson.dumps({"keys": [{**public, "kid": self._kid, "use": "sig", "alg": "EdDSA"}]}), 0o644)

    def mint(self, subject: str, role: Role, party: str | None = None, ttl: timedelta = timedelta(hours=12)) -> str:
        """A token for `subject` in `role`, acting for `party`, valid from now for `ttl`."""
        now = self._clock.now()
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "role": role.value,
            "iat": int(now.timestamp()),
            "exp": int((now + ttl).timestamp()),
            "jti": secrets.token_hex(8),
            **({"party": party} if party else {}),
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": self._kid, "typ": "at+jwt"})


def _key_in(directory: Path) -> Ed25519PrivateKey:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / KEY_FILE
    if not path.exists():
        made = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write_once(path, made, 0o600)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} holds another kind of key")
    return key


def _write_once(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and by one of several processes only."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
