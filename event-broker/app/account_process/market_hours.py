"""Whether the broker agrees that the market is open, asked before a run does anything.

The gates have looked at the exchange's calendar. This asks the broker for the hours of what would
be bought, and so finds closings that no calendar knows. It sends nothing.
"""

from __future__ import annotations

from datetime import datetime

from app.market import EXCHANGE_TIME, closed_by_broker
from app.settings import TradingMode
from broker_connector_base import BrokerClient, UnknownSymbol
from rebalance_calculator import validate_allocations
from rebalance_workflow import AllocationSource

from .messages import AccountJob


class MarketClosed(Exception):
    """The broker says that what would be traded does not trade yet; nothing was sent."""

    def __init__(self, message: str, opens: datetime) -> None:
        super().__init__(message)
        self.opens = opens


async def require_open_market(
    job: AccountJob, broker: BrokerClient, source: AllocationSource, now: datetime
) -> None:
    """Raise `MarketClosed` unless all targets trade at `now`, and have for the delay that is set.

    Only as far as the broker knows their hours.

    Raises what the source and the broker raise. The simulation's market never closes.
    """
    if job.settings.mode is TradingMode.SIMULATION:
        return
    target = await source.fetch(job.account.strategy_name)
    weights = validate_allocations(target.items).weights
    try:
        instruments = await broker.get_instruments(sorted(s for s in weights if weights[s]))
    except UnknownSymbol:
        # Perhaps it is replaced; if not, the run says so in its own words.
        return
    delay_seconds = job.settings.config.gates.delay_after_open_seconds
    closure = closed_by_broker(instruments, now, delay_seconds)
    if closure is not None:
        opens = closure.opens.astimezone(EXCHANGE_TIME)
        raise MarketClosed(
            f"the broker says that the market of {', '.join(closure.symbols)} is closed until "
            f"{opens:%Y-%m-%d %H:%M} New York time, though the calendar says it is open. "
            "Nothing was sent, and nothing is before gates.delay_after_open_seconds after that.",
            closure.opens,
        )
