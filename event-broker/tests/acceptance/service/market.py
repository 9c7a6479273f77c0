"""The market and its accounts: quotes stand still, and every account is far from its targets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from simulated_exchange import Clock, Exchange, Instrument, LatencyModel, Quote

PRICES = {"AAA": Decimal(50), "BBB": Decimal(20), "CCC": Decimal(100), "DDD": Decimal(10)}
CON_IDS = {symbol: 1001 + number for number, symbol in enumerate(PRICES)}
SYMBOLS = {con_id: symbol for symbol, con_id in CON_IDS.items()}
#: Every account's beginning, worth 10,000 dollars.
CASH = Decimal(1000)
HELD = {"AAA": 100, "BBB": 200}
VALUE = Decimal(10_000)
#: AAA and BBB are sold, CCC and DDD are bought.
WEIGHTS = {"AAA": Decimal("0.25"), "CCC": Decimal("0.45"), "DDD": Decimal("0.30")}
#: `trading.minimum_cash_reserve_usd`, which is the account's 1 % as well.
RESERVE = Decimal(100)


def open_market(clock: Clock, accounts: Mapping[str, str]) -> Exchange:
    """An exchange with these accounts."""
    exchange = Exchange(
        clock=clock,
        instruments=[Instrument(con_id=con_id, symbol=s) for s, con_id in CON_IDS.items()],
        latency=LatencyModel(low=0.0, high=0.002),
    )
    for symbol, con_id in CON_IDS.items():
        price, cent, size = PRICES[symbol], Decimal("0.01"), Decimal(100_000)
        exchange.set_quote(
            con_id,
            Quote(
                bid=price - cent,
                ask=price + cent,
                last=price,
                close=price,
                bid_size=size,
                ask_size=size,
            ),
        )
    for account_id in accounts:
        exchange.open_account(
            account_id,
            cash={"USD": CASH},
            positions={CON_IDS[s]: (Decimal(n), PRICES[s]) for s, n in HELD.items()},
            margin=True,
        )
    return exchange


def write_allocations(folder: Path, strategy: str) -> None:
    """What the allocation service would answer for the strategy."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [{"symbol": s, "allocation": float(weight)} for s, weight in WEIGHTS.items()]
    data = {"allocations": lines, "name": strategy, "as_of": "2026-11-20"}
    text = json.dumps({"status": "success", "data": data})
    (folder / f"{strategy}.json").write_text(text)
