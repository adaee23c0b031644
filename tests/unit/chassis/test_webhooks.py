"""What is signed is believed to come from who has the secret, a moment ago."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from libs.chassis.webhooks import ID, MOST_SIGNATURES, SIGNATURE, TIMESTAMP, secret, signed, verified
from libs.events.decider import Kind, Refusal

NOW = datetime.fromtimestamp(1_614_265_330, UTC)
KEY, OTHER = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), b"another secret of 24 bytes"
MESSAGE, PAYLOAD = "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}'
HEADERS = signed(KEY, MESSAGE, NOW, PAYLOAD)


def refused(headers: dict[str, str], payload: bytes = PAYLOAD, *, later: float = 0) -> str:
    with pytest.raises(Refusal) as refusal:
        verified((KEY,), headers, payload, NOW + timedelta(seconds=later))
    assert refusal.value.kind is Kind.UNAUTHENTICATED
    return refusal.value.code


def test_it_is_the_standards_signature() -> None:
    """The vector that the reference libraries of Standard Webhooks are tested with."""
    assert HEADERS == {ID: MESSAGE, TIMESTAMP: "1614265330", SIGNATURE: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}


def test_what_is_signed_is_taken_under_its_id() -> None:
    assert verified((KEY,), HEADERS, PAYLOAD, NOW) == MESSAGE


def test_while_one_secret_takes_the_others_place_both_count() -> None:
    assert verified((OTHER, KEY), HEADERS, PAYLOAD, NOW) == MESSAGE
    both = f"v1,c29tZXRoaW5n v1a,abc {HEADERS[SIGNATURE]}"
    assert verified((KEY,), {**HEADERS, SIGNATURE: both}, PAYLOAD, NOW) == MESSAGE


@pytest.mark.parametrize("bit", range(0, len(PAYLOAD) * 8, 7))
def test_a_single_bit_makes_it_anothers(bit: int) -> None:
    changed = bytearray(PAYLOAD)
    changed[bit // 8] ^= 1 << bit % 8
    assert refused(HEADERS, bytes(changed)) == "SIGNATURE_INVALID"


@pytest.mark.parametrize("header", [ID, TIMESTAMP, SIGNATURE])
def test_nothing_may_be_missing(header: str) -> None:
    assert refused({name: value for name, value in HEADERS.items() if name != header}) == "SIGNATURE_MISSING"


@pytest.mark.parametrize(
    "changed",
    [
        {ID: "msg_another"},
        {ID: "m" * 300},
        {TIMESTAMP: "1614265331"},
        {TIMESTAMP: "soon"},
        {TIMESTAMP: "9" * 5_000},
        {SIGNATURE: "v1,"},
        {SIGNATURE: "v1,é"},
        {SIGNATURE: HEADERS[SIGNATURE].replace("v1", "v0")},
        {SIGNATURE: " ".join(["v1,bm90aGluZw=="] * MOST_SIGNATURES + [HEADERS[SIGNATURE]])},
    ],
)
def test_a_header_that_is_not_what_was_signed_is_refused(changed: dict[str, str]) -> None:
    assert refused(HEADERS | changed) == "SIGNATURE_INVALID"


@pytest.mark.parametrize("when", ["soon", "1e9", "-5", "9" * 5_000, "１６１４"])
def test_even_a_signed_time_must_be_one(when: str) -> None:
    """By somebody who has the secret and makes mistakes."""
    told = f"{MESSAGE}.{when}.".encode() + PAYLOAD
    signature = base64.b64encode(hmac.new(KEY, told, hashlib.sha256).digest()).decode()
    assert refused({ID: MESSAGE, TIMESTAMP: when, SIGNATURE: f"v1,{signature}"}) == "SIGNATURE_EXPIRED"


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_an_old_one_may_be_a_copy(seconds: float) -> None:
    assert refused(HEADERS, later=seconds) == "SIGNATURE_EXPIRED"
    assert verified((KEY,), HEADERS, PAYLOAD, NOW + timedelta(seconds=299)) == MESSAGE


def test_without_a_secret_nobody_is_believed() -> None:
    with pytest.raises(Refusal):
        verified((), HEADERS, PAYLOAD, NOW)


@pytest.mark.parametrize("text", ["whsec_c2hvcnQ=", "whsec_not base 64", ""])
def test_a_secret_that_is_none_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        secret(text)
