"""A contract: active only when both have signed the same terms and the money is held."""

from __future__ import annotations

from functools import partial

from libs.events.catalog.campaigns import (
    CancellationDeclined,
    CancellationProposed,
    ContractActivated,
    ContractDrafted,
    ContractFulfilled,
    ContractSigned,
    ContractTerminated,
)
from libs.events.catalog.values import Money
from libs.events.decider import Decider, Decision, Refusal, Role, illegal, not_found
from libs.events.ids import derive
from services.campaigns.domain import deliverable
from services.campaigns.domain.contract_commands import (
    AcceptCancellation,
    ActivateContract,
    CancelBySilence,
    ContractCommand,
    DeclineCancellation,
    DraftContract,
    FulfilContract,
    LapseContract,
    ProposeCancellation,
    SignContract,
)
from services.campaigns.domain.contract_state import (
    Absent,
    Active,
    Contract,
    ContractEvent,
    Delivered,
    Drafted,
    Fulfilled,
    Live,
    Proposal,
    Signed,
    SignedByOne,
    Terminated,
    evolve,
    owners,
)
from services.campaigns.domain.deliverable import (
    Accepted,
    ApproveBySilence,
    ApproveDeliverable,
    DeliverableCommand,
    Out,
    Planned,
    PostContent,
    RequestChanges,
    SubmitDraft,
    VerifyPost,
)
from services.campaigns.domain.parties import other
from services.campaigns.domain.policy import Policy
from services.campaigns.domain.terms import terms_hash


def decide(policy: Policy, command: ContractCommand, state: Contract) -> Decision:
    match command, state:
        case DraftContract(), Absent():
            return [_draft(policy, command)]
        case SignContract(), Drafted() | SignedByOne():
            return _sign(policy, command, state)
        case LapseContract(), Drafted(deal=deal) | SignedByOne(deal=deal) if command.at >= deal.sign_by:
            return [_terminated(policy, state, "not signed by both in time")]
        case LapseContract(), Signed(fund_by=until) if command.at >= until:
            return [_terminated(policy, state, "the money was not held in time")]
        case ActivateContract(), Signed(deal=deal):
            return [ContractActivated(**deal.names)]
        case FulfilContract(), Delivered(deal=deal):
            return [ContractFulfilled(**deal.names)]
        case ProposeCancellation(), Live():
            return [_propose(policy, command, state)]
        case AcceptCancellation(), Live():
            proposal = _answerable(command, state)
            return [_terminated(policy, state, proposal.reason)]
        case DeclineCancellation(), Live(deal=deal):
            _answerable(command, state)
            return [CancellationDeclined(**deal.names, by=deal.side(command.actor))]
        case CancelBySilence(), Live(proposal=Proposal(answer_by=until) as proposal) if command.at >= until:
            return [_by_silence(policy, state, proposal)]
        case (
            SubmitDraft() | RequestChanges() | ApproveDeliverable() | ApproveBySilence() | PostContent() | VerifyPost(),
            Active(),
        ):
            return _deliver(policy, command, state)
        case (
            DraftContract() | LapseContract() | ActivateContract() | FulfilContract() | CancelBySilence() | ApproveBySilence(),
            _,
        ):
            return []  # sent by a deadline or for a fact; it no longer applies
        case VerifyPost(), Delivered() | Fulfilled() | Terminated() if command.actor.role is Role.SERVICE:
            return []  # it was posted, and then the contract ended
        case _:
            raise illegal(command, state)


def _draft(policy: Policy, command: DraftContract) -> ContractDrafted:
    said = command.model_dump(exclude={"actor", "at"})
    hashed = terms_hash(
        brand_id=command.brand_id,
        creator_id=command.creator_id,
        terms=command.terms,
        brief=command.brief,
        policy_version=policy.version,
    )
    return ContractDrafted(
        **said,
        deliverable_ids=tuple(derive("dlv", command.contract_id, str(i)) for i in range(len(command.terms.deliverables))),
        policy_version=policy.version,
        terms_hash=hashed,
        sign_by=command.at + policy.sign_within,
    )


def _sign(policy: Policy, command: SignContract, state: Drafted | SignedByOne) -> Decision:
    deal, by = state.deal, state.deal.side(command.actor)
    if command.terms_hash != deal.terms_hash:
        said = "these are not the contract's terms: read them, then sign their hash"
        raise Refusal("TERMS_HASH_MISMATCH", said, terms_hash=deal.terms_hash)
    if isinstance(state, SignedByOne) and state.by is by:
        return []
    complete = isinstance(state, SignedByOne)
    signed = ContractSigned(
        **deal.names,
        engagement_id=deal.engagement_id,
        by=by,
        terms_hash=deal.terms_hash,
        fee=deal.terms.fee,
        complete=complete,
        fund_by=command.at + policy.fund_within if complete else None,
    )
    return [signed]


def _propose(policy: Policy, command: ProposeCancellation, state: Live) -> CancellationProposed:
    by = state.deal.side(command.actor)
    if state.proposal is not None:
        raise Refusal("CANCELLATION_PENDING", f"the {state.proposal.by.value} has proposed it", by=state.proposal.by.value)
    until = command.at + policy.cancellation_answer_within
    return CancellationProposed(**state.deal.names, by=by, reason=command.reason, answer_by=until)


def _answerable(command: AcceptCancellation | DeclineCancellation, state: Live) -> Proposal:
    by = state.deal.side(command.actor)
    if state.proposal is None:
        raise Refusal("NO_CANCELLATION_PROPOSED", "nobody has proposed to cancel the contract")
    if state.proposal.by is by:
        raise Refusal("OWN_PROPOSAL", "a proposed cancellation is answered by the other party", by=by.value)
    return state.proposal


def _by_silence(policy: Policy, state: Live, proposal: Proposal) -> CancellationDeclined | ContractTerminated:
    if any(isinstance(one, Out) for one in state.deliverables.values()):
        return CancellationDeclined(**state.deal.names, by=other(proposal.by))  # what was delivered is not lost by silence
    return _terminated(policy, state, proposal.reason)


def _terminated(policy: Policy, state: Live, reason: str) -> ContractTerminated:
    fee, worked = state.deal.terms.fee, any(not isinstance(one, Planned) for one in state.deliverables.values())
    kill_fee = fee.amount * policy.kill_fee_percent // 100 if worked else 0
    return ContractTerminated(
        **state.deal.names,
        engagement_id=state.deal.engagement_id,
        stage=stage(state, worked=worked),
        reason=reason,
        fee=fee,
        kill_fee=Money(amount=kill_fee, currency=fee.currency),
    )


def stage(state: Live, *, worked: bool) -> str:
    """How far the contract had come when it ended."""
    match state:
        case Drafted():
            return "drafted"
        case SignedByOne():
            return "signed_by_one"
        case Signed():
            return "signed"
        case _:
            return "in_production" if worked else "active"


def _deliver(policy: Policy, command: DeliverableCommand, state: Active) -> Decision:
    which = command.deliverable_id
    if which not in state.deliverables:
        raise not_found("deliverable")
    last = all(isinstance(one, Accepted) for key, one in state.deliverables.items() if key != which)
    return deliverable.decide(policy, command, state.deal, state.deliverables[which], last=last)


_CANCELLING = (ProposeCancellation, AcceptCancellation, DeclineCancellation, CancelBySilence)

LEGAL: dict[type[Contract], tuple[type[ContractCommand], ...]] = {
    Absent: (DraftContract,),
    Drafted: (SignContract, LapseContract, *_CANCELLING),
    SignedByOne: (SignContract, LapseContract, *_CANCELLING),
    Signed: (ActivateContract, LapseContract, *_CANCELLING),
    Active: (
        SubmitDraft,
        RequestChanges,
        ApproveDeliverable,
        ApproveBySilence,
        PostContent,
        VerifyPost,
        *_CANCELLING,
    ),
    Delivered: (FulfilContract,),
    Fulfilled: (),
    Terminated: (),
}


def contract(policy: Policy) -> Decider[ContractCommand, Contract, ContractEvent]:
    """The rules of a contract under a policy."""
    return Decider(
        "contract", "ctr", Absent(), partial(decide, policy), evolve, commands=ContractCommand, legal=LEGAL, owners=owners
    )
