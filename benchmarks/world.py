"""A running far side and a configured home directory that points at it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.far_side import SLOW_FILLS, Address, Arrivals, serve

_STRATEGY = "benchmark"


@dataclass(frozen=True, kw_only=True)
class World:
    """What a measurement needs to start account processes and to read off what they did."""

    home: Path
    address: Address
    account_ids: tuple[str, ...]
    control: Connection
    #: Of the far side's process.
    pid: int

    def slow_fills(self) -> None:
        """From now on orders work for a while before they are filled."""
        self.control.send(SLOW_FILLS)
        self.control.recv()

    def arrivals(self) -> Arrivals:
        """What the exchange has seen so far."""
        self.control.send("arrivals")
        arrivals = self.control.recv()
        assert isinstance(arrivals, Arrivals)
        return arrivals


@contextmanager
def world(
    home: Path,
    *,
    symbols: int,
    accounts: int,
    strategy_of: Callable[[int], str] = lambda _: _STRATEGY,
) -> Iterator[World]:
    """A far side with so many symbols and accounts, for the block; the accounts are numbered."""
    account_ids = tuple(f"DU{number:06d}" for number in range(accounts))
    context = multiprocessing.get_context("spawn")
    control, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, _STRATEGY, symbols, account_ids))
    process.start()
    theirs.close()
    try:
        address = control.recv()
        assert isinstance(address, Address)
        strategies = [strategy_of(number) for number in range(accounts)]
        _configure(home, address, dict(zip(account_ids, strategies, strict=True)))
        assert process.pid is not None
        yield World(
            home=home,
            address=address,
            account_ids=account_ids,
            control=control,
            pid=process.pid,
        )
    finally:
        control.close()
        process.join(timeout=10)


def _configure(home: Path, address: Address, strategies: dict[str, str]) -> None:
    lines = ["TRADING_MODE=paper", "IB_HOST=127.0.0.1", f"IB_PORT={address.gateway_port}"]
    lines += [f"ALLOCATIONS_BASE_URL={address.allocations_url}", "ALLOCATIONS_API_KEY=benchmark"]
    (home / ".env").write_text("\n".join(lines) + "\n")
    accounts = [
        f"  - {{account_id: {account_id}, type: paper, strategy_name: {strategy}}}"
        for account_id, strategy in strategies.items()
    ]
    (home / "accounts.yaml").write_text("\n".join(["accounts:", *accounts]) + "\n")
    (home / "config.yaml").write_text("{}\n")
    (home / "replacement-sets.yaml").write_text("{}\n")
