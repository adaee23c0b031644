"""What must have happened somewhere in a run: a simulation in which the rare thing never came proves nothing about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

SOMETIMES = (
    *("append failed after", "append failed before", "put failed after", "put failed within", "publish failed after"),
    *("publish failed within", "log failed before", "deliver failed before", "commit failed before"),
    *("crashed after append", "crashed before append", "crashed after put", "crashed within put", "crashed after publish"),
    *("crashed before publish", "crashed before deliver", "crashed before commit", "crashed before log"),
    *("killed a all", "killed a relay", "killed a worker", "killed a api", "killed a gateway"),
    *("append slow", "put slow", "publish slow", "deliver slow", "commit slow", "log slow"),
    *("stopped a all", "stopped a worker", "kept a process down", "offsets forgotten", "a topic wiped", "the broker wiped"),
    *("leases ran out", "a relay moved nothing any more", "a writer lost the race", "a group shared its partitions anew"),
    *("a page came too early", "a read model built anew"),
    *("the clock jumped back", "the clock jumped ahead", "a long silence"),
    *("request lost", "reply lost", "HTTP request lost", "HTTP reply lost"),
    *("provider: call unavailable", "provider: call lost before", "provider: call lost after", "provider: call refused"),
    *("provider: call hangs", "provider: look-up unavailable", "provider: a look-up found nothing"),
    *("provider: the same key again", "an outcome was unknown"),
    *("webhook: taken", "webhook: late", "webhook: lost", "webhook: told again", "webhook: not yet"),
    *("webhook: a forged one refused", "a webhook came before the answer"),
    *("the same command twice at once", "an answer given again", "a key reused", "a command sent again", "mistakes"),
)
"""Faults and habits. What people do is added to them: each move must have been made (`did <rpc>`)."""
FACTS = (
    *("PaymentReleased", "RefundIssued", "PaymentCancelled", "ReleaseFailed", "DepositFailed", "ReservationQueued"),
    *("BudgetExceeded", "EngagementExpired", "ContractTerminated", "ContractFulfilled", "PostCheckFailed"),
    *("CancellationProposed", "ConversionReversed"),
    *("InvitationAnswered", "InvitationWithdrawn", "CollaborationFinished", "DeliveryJudged", "BadgeAwarded"),
    *("CreatorShortlisted", "SavedSearchMatched"),
)


ENOUGH, MANY = 200, 1_000
"""Seeds from which on all of it must have happened, but for the rarest; and the rarest too."""
RAREST = ("did EraseCreator", "fact ReleaseFailed")
"""Happen about once in a hundred seeds."""


LOST_AFTER, LEAST_SHARE = ("provider: call lost after", "provider: call hangs"), 0.3
"""An answer is lost after its effect: the one fault that payments are about happens in this share of the seeds at least."""


def share_of(what: tuple[str, ...], runs: Sequence[Counter[str]]) -> float:
    """Of the runs, those in which one of these happened."""
    return sum(any(run[one] for one in what) for run in runs) / len(runs)


def never_happened(happened: Counter[str], moves: list[str], seeds: int) -> list[str]:
    """Names of what a run of so many seeds should have seen and did not."""
    if seeds < ENOUGH:
        return []
    wanted = (*SOMETIMES, *(f"did {rpc}" for rpc in moves), *(f"fact {kind}" for kind in FACTS))
    return [what for what in wanted if not happened[what] and (seeds >= MANY or what not in RAREST)]
