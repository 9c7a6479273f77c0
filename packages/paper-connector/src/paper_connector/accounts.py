"""The books of one paper account: how they begin.

Comes in: an account id, its settings and a market. Goes out: the broker that keeps its books.
Never: books that two accounts share, so accounts never wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from simulated_exchange import Scenario, load_scenario
from simulated_exchange.paper import PaperSettings

from .broker import PaperBroker
from .quotes import Quotes


def paper_broker(
    directory: Path | str,
    account_id: str,
    settings: PaperSettings | None = None,
    *,
    scenario: Path | str = "demo",
    quotes: Quotes | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> PaperBroker:
    """The broker of one account, whose books are kept in `directory` and opened at the first login.

    `scenario` is the market: one that ships with `simulated_exchange`, by name, or a YAML file;
    its accounts are left out. `quotes` defaults to `MovingQuotes`.
    """
    terms = settings or PaperSettings()

    def opening() -> Scenario:
        return terms.apply(load_scenario(scenario), account_id)

    written = {name: str(value) for name, value in asdict(terms).items()}
    return PaperBroker(
        directory,
        opening,
        terms={"account_id": account_id, "scenario": Path(scenario).name, **written},
        quotes=quotes,
        now=now,
    )
