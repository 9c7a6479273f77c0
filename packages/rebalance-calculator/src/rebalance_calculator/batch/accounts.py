"""The accounts of a batch, from snapshots or from arrays, read into numbers a fit can use.

In: AccountSnapshots or a BatchInput.  Out: shares, whole lots and cash of some of the accounts as
arrays, and which of them only plan() can judge.  Never decides what is an error: plan() does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from broker_connector_base.models import AccountPosition, AccountSnapshot
from rebalance_calculator.errors import SnapshotError
from rebalance_calculator.fitting import Flags, Floats, Lots
from rebalance_calculator.symbols import normal_symbol

#: Counts above this are not exact in floating point.
MOST_LOTS = 2.0**53


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Some accounts as arrays: one entry per account, or one row of symbols."""

    shares: Floats
    #: Whole lots in `shares`, rounded down exactly.
    lots: Lots
    #: The broker's own value of each holding, nan where it gave none.
    values: Floats
    #: Base-currency cash as reported, and the part of it that is really in that currency.
    cash_balance: Floats
    cash: Floats
    net_liquidation: Floats
    #: True for accounts that hold something else than stocks in their own currency, or something
    #: that these arrays cannot express.
    unusual: Flags


class Accounts(Protocol):
    """Where a batch takes its accounts from."""

    def __len__(self) -> int: ...

    @property
    def account_ids(self) -> tuple[str, ...]: ...

    @property
    def symbols(self) -> Iterable[str]:
        """All symbols that anybody holds, as spelled there."""

    def snapshot(self, index: int) -> AccountSnapshot:
        """One account; raises SnapshotError when a number is not finite."""

    def read(
        self, rows: Sequence[int], columns: Mapping[str, int], lots: Sequence[Decimal]
    ) -> Reading:
        """Some accounts; the columns are given by spelled symbol, the lot sizes by column."""


class Snapshots:
    """Accounts as the broker reported them."""

    def __init__(self, snapshots: Sequence[AccountSnapshot]) -> None:
        self._snapshots = snapshots

    def __len__(self) -> int:
        return len(self._snapshots)

    @property
    def account_ids(self) -> tuple[str, ...]:
        return tuple(snapshot.account_id for snapshot in self._snapshots)

    @property
    def symbols(self) -> Iterable[str]:
        return {p.symbol for snapshot in self._snapshots for p in snapshot.positions}

    def snapshot(self, index: int) -> AccountSnapshot:
        return self._snapshots[index]

    def read(
        self, rows: Sequence[int], columns: Mapping[str, int], lots: Sequence[Decimal]
    ) -> Reading:
        some = [self._snapshots[row] for row in rows]
        positions = list(chain.from_iterable(snapshot.positions for snapshot in some))
        column = np.array([columns[p.symbol] for p in positions], dtype=np.int64)
        row = np.repeat(np.arange(len(some)), [len(snapshot.positions) for snapshot in some])
        shares, whole = _counted([p.quantity for p in positions], column, lots)
        shape = len(some), len(lots)
        times_held = np.bincount(row * len(lots) + column, minlength=len(some) * len(lots))
        unusual = np.array([_is_unusual(snapshot) for snapshot in some], dtype=np.bool_)
        unusual[row[np.isnan(shares)]] = True

        def table(values: object, empty: float, kind: type[np.generic]) -> NDArray[Any]:
            cells = np.full(shape, empty, dtype=kind)
            cells[row, column] = values
            return cells

        return Reading(
            shares=table(np.nan_to_num(shares), 0, np.float64),
            lots=table(whole, 0, np.int64),
            values=table([p.market_value for p in positions], np.nan, np.float64),
            cash_balance=np.array([s.cash_balance for s in some], dtype=np.float64),
            cash=np.array([min(s.own_cash, s.cash_balance) for s in some], dtype=np.float64),
            net_liquidation=np.array([s.total_value for s in some], dtype=np.float64),
            unusual=unusual | (times_held.reshape(shape) > 1).any(axis=1),
        )


def _counted(
    quantities: Sequence[Decimal], column: Lots, lots: Sequence[Decimal]
) -> tuple[Floats, Lots]:
    """Shares and the whole lots in them; nan and 0 for shorts and for what cannot be counted."""
    shares = np.array(quantities, dtype=np.float64)
    countable = (shares >= 0) & (shares <= MOST_LOTS * np.array(lots, dtype=np.float64)[column])
    whole = [
        quantity // lots[at] if good else 0
        for quantity, at, good in zip(quantities, column.tolist(), countable.tolist(), strict=True)
    ]
    return np.where(countable, shares, np.nan), np.fromiter(whole, np.int64, len(whole))


def _is_unusual(snapshot: AccountSnapshot) -> bool:
    kinds = {(p.security_type, p.currency) for p in snapshot.positions}
    return bool(kinds - {("STK", snapshot.currency)})


@dataclass(frozen=True, kw_only=True)
class BatchInput:
    """Accounts as arrays: long stocks and cash in one currency, nothing else.

    Every float stands for its shortest decimal form, as everywhere in this package. Raises
    ValueError when the shapes do not fit or a symbol is there twice.
    """

    account_ids: tuple[str, ...]
    #: One per column of `shares`.
    symbols: tuple[str, ...]
    #: Accounts by symbols.
    shares: Floats
    #: Per account, base currency; negative when borrowed.
    cash: Floats
    #: Per account, base currency, as the broker reports it.
    net_liquidation: Floats

    def __post_init__(self) -> None:
        accounts, symbols = len(self.account_ids), len(self.symbols)
        shapes = self.shares.shape, self.cash.shape, self.net_liquidation.shape
        if shapes != ((accounts, symbols), (accounts,), (accounts,)):
            raise ValueError(f"{accounts} accounts and {symbols} symbols, but arrays of {shapes}")
        if len(set(map(normal_symbol, self.symbols))) < symbols:
            raise ValueError("a symbol has two columns")

    def __len__(self) -> int:
        return len(self.account_ids)

    def snapshot(self, index: int) -> AccountSnapshot:
        numbers = [self.net_liquidation[index], self.cash[index], *self.shares[index]]
        if not np.isfinite(numbers).all():
            raise SnapshotError(
                f"account {self.account_ids[index]} has numbers that are not finite"
            )
        total, cash, *shares = map(float, numbers)
        return AccountSnapshot(
            account_id=self.account_ids[index],
            total_value=_exact(total),
            cash_balance=_exact(cash),
            positions=tuple(
                AccountPosition(symbol=symbol, quantity=_exact(quantity))
                for symbol, quantity in zip(self.symbols, shares, strict=True)
                if quantity
            ),
        )

    def read(
        self, rows: Sequence[int], columns: Mapping[str, int], lots: Sequence[Decimal]
    ) -> Reading:
        at = np.array([columns[symbol] for symbol in self.symbols], dtype=np.int64)
        shares = np.zeros((len(rows), len(lots)))
        shares[:, at] = self.shares[rows]
        countable = (shares >= 0) & (shares <= MOST_LOTS * np.array(lots, dtype=np.float64))
        money = np.stack([self.cash[rows], self.net_liquidation[rows]])
        good = countable.all(axis=1) & np.isfinite(money).all(axis=0)
        cash, net_liquidation = np.where(good, money, 0.0)
        shares = np.where(countable, shares, 0.0)
        return Reading(
            shares=shares,
            lots=_whole_lots(shares, lots),
            values=np.full(shares.shape, np.nan),
            cash_balance=cash,
            cash=cash,
            net_liquidation=net_liquidation,
            unusual=np.asarray(~good),
        )


def _whole_lots(shares: Floats, lots: Sequence[Decimal]) -> Lots:
    """Shares in lots, rounded down: in floating point where that is exact, else in Decimal."""
    whole = np.floor_divide(shares, [float(lot) for lot in lots])
    for column, lot in enumerate(lots):
        if lot != int(lot):
            for row in np.flatnonzero(shares[:, column]).tolist():
                whole[row, column] = _exact(float(shares[row, column])) // lot
    return whole.astype(np.int64)


def _exact(number: float) -> Decimal:
    return Decimal(repr(number))
