"""A brand: registers itself, says who it is, and may launch campaigns once an operator has checked that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias, assert_never

from pydantic import Field

from libs.events.catalog.campaigns import BrandRegistered, BrandRejected, BrandVerificationSubmitted, BrandVerified
from libs.events.catalog.values import BrandId, Label, Text, Url
from libs.events.decider import Command, Decider, Decision, illegal


@dataclass(frozen=True, slots=True)
class Identity:
    """What a brand says of itself."""

    brand_id: BrandId
    name: str
    website: str
    legal_name: str | None = None
    registration_number: str | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """Not registered."""


@dataclass(frozen=True, slots=True)
class Registered:
    identity: Identity


@dataclass(frozen=True, slots=True)
class VerificationSubmitted:
    """An operator is to check it."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class Verified:
    """May launch campaigns."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class Rejected:
    """The check failed; it may submit again."""

    identity: Identity
    reason: str


Brand: TypeAlias = Absent | Registered | VerificationSubmitted | Verified | Rejected


class RegisterBrand(Command):
    """Register the brand that the caller acts for."""

    by_anyone: ClassVar[bool] = True

    brand_id: BrandId
    name: Label
    website: Url


class SubmitVerification(Command):
    """Say who the brand is in law."""

    brand_id: BrandId
    legal_name: Label
    registration_number: Label


class VerifyBrand(Command):
    """An operator has checked who the brand is."""

    brand_id: BrandId


class RejectBrand(Command):
    """An operator could not confirm who the brand is."""

    brand_id: BrandId
    reason: Annotated[Text, Field(min_length=1)]


BrandCommand: TypeAlias = RegisterBrand | SubmitVerification | VerifyBrand | RejectBrand
BrandEvent: TypeAlias = BrandRegistered | BrandVerificationSubmitted | BrandVerified | BrandRejected


def decide(command: BrandCommand, state: Brand) -> Decision:
    match command, state:
        case RegisterBrand(brand_id=brand, name=name, website=website), Absent():
            return [BrandRegistered(brand_id=brand, name=name, website=website)]
        case SubmitVerification(brand_id=brand, legal_name=name, registration_number=number), Registered() | Rejected():
            return [BrandVerificationSubmitted(brand_id=brand, legal_name=name, registration_number=number)]
        case VerifyBrand(brand_id=brand), VerificationSubmitted(identity=identity):
            return [BrandVerified(brand_id=brand, name=identity.name)]
        case RejectBrand(brand_id=brand, reason=reason), VerificationSubmitted():
            return [BrandRejected(brand_id=brand, reason=reason)]
        case _:
            raise illegal(command, state)


def evolve(state: Brand, event: BrandEvent) -> Brand:
    match event:
        case BrandRegistered():
            return Registered(Identity(event.brand_id, event.name, event.website))
        case BrandVerificationSubmitted():
            assert isinstance(state, Registered | Rejected)
            said = state.identity
            return VerificationSubmitted(
                Identity(said.brand_id, said.name, said.website, event.legal_name, event.registration_number)
            )
        case BrandVerified():
            assert isinstance(state, VerificationSubmitted)
            return Verified(state.identity)
        case BrandRejected():
            assert isinstance(state, VerificationSubmitted)
            return Rejected(state.identity, event.reason)
        case _:
            assert_never(event)


LEGAL: dict[type[Brand], tuple[type[BrandCommand], ...]] = {
    Absent: (RegisterBrand,),
    Registered: (SubmitVerification,),
    VerificationSubmitted: (VerifyBrand, RejectBrand),
    Verified: (),
    Rejected: (SubmitVerification,),
}


def owners(state: Brand) -> frozenset[str] | None:
    return None if isinstance(state, Absent) else frozenset({state.identity.brand_id})


brand: Decider[BrandCommand, Brand, BrandEvent] = Decider(
    "brand", "brd", Absent(), decide, evolve, commands=BrandCommand, legal=LEGAL, owners=owners
)
