"""Everything that is made to go wrong, as a table of kinds.

A kind draws its moment and its terms from a random generator, and strikes at that moment, at the
gateway, at the exchange or at the account process. Whether it had an effect is told by the site.
"""

from __future__ import annotations

from random import Random

from chaos.case import Fault, World

from .kind import Kind, Site
from .link import LINK_KINDS
from .market import MARKET_KINDS
from .orders import ORDER_KINDS
from .process import PROCESS_KINDS
from .reports import REPORT_KINDS

__all__ = ["KINDS", "PROCESS_KINDS", "Kind", "Site", "draw_fault"]

KINDS: dict[str, Kind] = {
    **ORDER_KINDS,
    **REPORT_KINDS,
    **LINK_KINDS,
    **MARKET_KINDS,
    **PROCESS_KINDS,
}


def draw_fault(rng: Random, kind: str, world: World, runs: int) -> Fault:
    """A fault of this kind with random terms, in one of the runs."""
    moment, terms = KINDS[kind].draw(rng, world)
    moment = moment.model_copy(update={"run": rng.randrange(runs)})
    account = rng.randrange(len(world.accounts))
    return Fault(kind=kind, at=moment, account=account, terms=terms)
