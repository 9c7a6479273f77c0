"""What a case comes to, once its processes have ended: promises kept, parked for a reason, broken.

Comes in: outcomes, what had an effect, and the witness of the books. Goes out: sentences into the
verdict. A run's own words are looked at for one thing only: whether what it claims is true.
"""

from __future__ import annotations

from collections.abc import Sequence

from .faults import KINDS
from .verdict import Outcome, Verdict
from .witness import Witness

_IDLE = "nothing to do"
#: How an account process tells of an exception that nobody foresaw.
_FAULT = "a fault in the program"
_REACHED = frozenset({"done", _IDLE})


def judge_outcomes(
    verdict: Verdict,
    fired: set[str],
    recovered: Sequence[Outcome],
    idle: Sequence[Outcome],
    new_orders: int,
    witness: Witness,
) -> None:
    """Add what is broken to the verdict, and who is parked."""
    may_stay = any(KINDS[kind].lasting for kind in fired)
    verdict.violations += [str(o) for o in verdict.outcomes if _FAULT in o.message]
    for outcome in recovered:
        if outcome.status in _REACHED:
            verdict.violations += [
                f"{outcome.account_id} says {outcome.status} and is off its targets: {text}"
                for text in witness.distance(outcome.account_id)
            ]
        elif outcome.needs_attention and may_stay:
            verdict.parked.append(f"{outcome.account_id}: {outcome.message}")
        else:
            verdict.doubtful.append(
                f"the run after the faults did not reach the targets of {outcome.account_id}: "
                f"{outcome.status} {outcome.message}"
            )
    for account_id in witness.bounds:
        verdict.violations += [f"{account_id}: {text}" for text in witness.churn(account_id)]
        if not verdict.parked:
            verdict.doubtful += witness.without_outcome(account_id)
            verdict.violations += witness.wrong_outcomes(account_id)
    verdict.doubtful += [
        f"the further run ended otherwise: {outcome}"
        for outcome in idle
        if outcome.status != _IDLE and not verdict.parked
    ]
    if new_orders and not verdict.parked:
        verdict.doubtful.append(f"a further run sent {new_orders} orders")
