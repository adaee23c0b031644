"""What one can ask of a contract; the commands of its deliverables are in `deliverable`."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from libs.events.catalog.values import BrandId, Brief, CampaignId, ContractId, CreatorId, EngagementId, Label, Terms, Text
from libs.events.decider import Command
from services.campaigns.domain.deliverable import DeliverableCommand


class DraftContract(Command):
    """Write down what both agreed on; sent when the campaign's budget covers it."""

    contract_id: ContractId
    engagement_id: EngagementId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    terms: Terms
    brief: Brief


class SignContract(Command):
    """Sign the terms with that hash, and no others."""

    contract_id: ContractId
    terms_hash: Label


class LapseContract(Command):
    """The contract was not signed, or its money not held, in time; sent by the deadline."""

    contract_id: ContractId


class ActivateContract(Command):
    """Let work begin; sent when the money is held."""

    contract_id: ContractId


class FulfilContract(Command):
    """The contract is done; sent when the money is released."""

    contract_id: ContractId


class ProposeCancellation(Command):
    """Ask the other party to end the contract. Silence accepts, unless content is already out."""

    contract_id: ContractId
    reason: Annotated[Text, Field(min_length=1)]


class AcceptCancellation(Command):
    """Agree to end the contract."""

    contract_id: ContractId


class DeclineCancellation(Command):
    """Go on with the contract."""

    contract_id: ContractId


class CancelBySilence(Command):
    """The proposal was not answered; sent when its time is over."""

    contract_id: ContractId


ContractCommand: TypeAlias = (
    DraftContract
    | SignContract
    | LapseContract
    | ActivateContract
    | FulfilContract
    | ProposeCancellation
    | AcceptCancellation
    | DeclineCancellation
    | CancelBySilence
    | DeliverableCommand
)
