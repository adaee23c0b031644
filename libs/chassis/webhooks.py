"""Webhooks: what another system tells of its own accord, signed over its bytes (Standard Webhooks 1.0: the signature is an
HMAC-SHA256 of `id.timestamp.payload`, in base 64). The public library for it asks the machine for the time; ours is a port."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from libs.events.decider import Kind, Refusal

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
PREFIX, VERSION = "whsec_", "v1"
TOLERANCE = 300
"""Seconds that a message may be old, or ahead of our clock: later it may be somebody's copy of one that we have had."""
LONGEST_ID, MOST_SIGNATURES, LEAST_SECRET = 256, 10, 24
"""Characters of an id; signatures beside each other while a secret is replaced; bytes of a secret, as the standard has it."""

_SECONDS = re.compile(r"[0-9]{1,12}")


def secret(text: str) -> bytes:
    """The bytes of `whsec_…`. Raises ValueError."""
    try:
        found = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError(f"a webhook's secret is {PREFIX} and base 64") from error
    if len(found) < LEAST_SECRET:
        raise ValueError(f"a webhook's secret has at least {LEAST_SECRET} bytes")
    return found


def signed(key: bytes, id_: str, at: datetime, payload: bytes) -> dict[str, str]:
    """The headers that prove the payload. Each attempt to deliver it has a time of its own, and the same id."""
    seconds = str(int(at.timestamp()))
    return {ID: id_, TIMESTAMP: seconds, SIGNATURE: f"{VERSION},{_signature(key, id_, seconds, payload)}"}


def verified(keys: Sequence[bytes], headers: Mapping[str, str], payload: bytes, now: datetime) -> str:
    """The message's id, if one of the keys signed it, a moment ago. Raises `Refusal` (UNAUTHENTICATED)."""
    id_, seconds, given = (headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not (id_ and seconds and given):
        raise _refused("SIGNATURE_MISSING", f"a webhook has the headers {ID}, {TIMESTAMP} and {SIGNATURE}")
    signatures = [text for version, _, text in (one.partition(",") for one in given.split(" ")) if version == VERSION]
    if len(id_) > LONGEST_ID or not 1 <= len(signatures) <= MOST_SIGNATURES:
        raise _refused("SIGNATURE_INVALID", "the webhook is not signed as this endpoint needs it")
    wanted = [_signature(key, id_, seconds, payload) for key in keys]
    if not any(hmac.compare_digest(one.encode(), other.encode()) for one in wanted for other in signatures):
        raise _refused("SIGNATURE_INVALID", "the webhook is not signed with a secret that is known here")
    if not _SECONDS.fullmatch(seconds) or abs(int(seconds) - now.timestamp()) > TOLERANCE:
        raise _refused("SIGNATURE_EXPIRED", f"a webhook is signed within {TOLERANCE} seconds of its delivery: sign it again")
    return id_


def _signature(key: bytes, id_: str, seconds: str, payload: bytes) -> str:
    told = f"{id_}.{seconds}.".encode() + payload
    return base64.b64encode(hmac.new(key, told, hashlib.sha256).digest()).decode()


def _refused(code: str, message: str) -> Refusal:
    return Refusal(code, message, kind=Kind.UNAUTHENTICATED)
