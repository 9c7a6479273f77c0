"""plan(): the one function that decides what is traded.

In: an account snapshot, target allocations, quotes and a policy.  Out: a Plan, or a PlanError that
says what is wrong with the input.  Pure: the same input always gives the same plan.

The rules: orders are whole lots (R1); nothing is sold short (R2); what has no target is sold down
to less than a lot (R3); a target missed by less than the drift band is not traded (R4); no order is
below the minimum trade value, sales of R3 apart (R5); when anything is bought, cash stays at or
above the reserve even if every buy fills at its limit (R6). Within them the plan minimises the sum
of all distances from the targets, cash and trading cost included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from broker_connector_base.models import AccountSnapshot, AllocationItem

from .allocations import Targets, validate_allocations
from .book import Asset, Book, Trades, open_book
from .holdings import Holdings, LeftAlone, managed_cash, sort_positions
from .models import Plan, PlanLine, ReasonCode
from .policy import PlanPolicy
from .quotes import Quotes, validate_quotes
from .sizing import Fitted, fit_book
from .wording import hold_reason, trade_reason

_ZERO = Decimal(0)


def plan(
    snapshot: AccountSnapshot,
    allocations: Sequence[AllocationItem],
    quotes: Quotes,
    policy: PlanPolicy,
) -> Plan:
    """Work out the trades that bring the account closest to its targets.

    Raises AllocationError, SnapshotError or QuoteError (all PlanError, all ValueError); then there
    is no plan and nothing must be traded.
    """
    account = open_account(snapshot, validate_allocations(allocations), quotes, policy)
    fitted = fit_book(account.book)
    return publish(account, fitted, _worth_it(account.book, fitted))


@dataclass(frozen=True, kw_only=True)
class OpenAccount:
    """A snapshot that may be planned: its positions sorted, its managed part valued."""

    snapshot: AccountSnapshot
    holdings: Holdings
    book: Book


def open_account(
    snapshot: AccountSnapshot, targets: Targets, quotes: Quotes, policy: PlanPolicy
) -> OpenAccount:
    """Check the snapshot and the quotes it needs; raises SnapshotError or QuoteError."""
    holdings = sort_positions(snapshot, targets)
    needed = {symbol for symbol, weight in targets.weights.items() if weight}
    markets = validate_quotes(quotes, needed | holdings.shares.keys(), policy)
    cash = managed_cash(snapshot, holdings, markets, policy)
    book = open_book(targets, holdings, markets, cash, policy)
    return OpenAccount(snapshot=snapshot, holdings=holdings, book=book)


def _worth_it(book: Book, fitted: Fitted) -> Trades:
    """The fitted trades, or only the forced ones when the rest improves too little.

    Borrowed cash is always paid back, whatever the improvement.
    """
    threshold = book.policy.minimum_improvement_bp
    forced = book.forced()
    if not threshold or book.cash_after(forced) < 0:
        return fitted.trades
    gain = book.objective(forced) - book.objective(fitted.trades)
    return fitted.trades if gain / book.total * 10_000 >= threshold else forced


def publish(account: OpenAccount, fitted: Fitted, trades: Trades) -> Plan:
    """Everything a reader of the plan wants to know; `trades` are the fitted or the forced ones."""
    book, holdings = account.book, account.holdings
    dropped = len(trades) < len(fitted.trades)
    lines = [
        _line(book, asset, trades.get(symbol, _ZERO), dropped=dropped and symbol in fitted.trades)
        for symbol, asset in book.assets.items()
        if asset.barred is not ReasonCode.SHORT
    ]
    outside = tuple(_outside_line(book, position) for position in holdings.left_alone)
    worst_cash = book.cash_after(trades)
    objective = book.objective(trades)
    return Plan(
        sells=tuple(line for line in lines if line.quantity < 0),
        buys=tuple(line for line in lines if line.quantity > 0),
        holds=tuple(line for line in lines if not line.quantity) + outside,
        total_value=book.total,
        cash_target=book.cash_target,
        cash_before=book.cash,
        expected_cash_after=book.cash_after(trades, worst_case=False),
        worst_case_cash_after=worst_cash,
        cash_weight_before=book.cash / book.total,
        cash_weight_after=worst_cash / book.total,
        cash_weight_target=book.cash_target / book.total,
        estimated_cost=book.cost(trades),
        objective_bp=objective / book.total * 10_000,
        bound_bp=max(objective - fitted.bound, _ZERO) / book.total * 10_000,
        warnings=_warnings(account, trades, dropped),
    )


def _line(book: Book, asset: Asset, quantity: Decimal, *, dropped: bool) -> PlanLine:
    buying, selling = quantity > 0, quantity < 0
    if quantity:
        code, reason = trade_reason(book, asset, quantity)
    else:
        code, reason = hold_reason(book, asset, dropped=dropped)
    return PlanLine(
        symbol=asset.symbol,
        quantity=quantity,
        limit_price=asset.limit if buying else None,
        estimated_price=asset.market.ask if buying else asset.market.bid if selling else None,
        estimated_fee=book.fee(asset, quantity),
        current_quantity=asset.held,
        current_value=asset.value,
        target_value=asset.target,
        weight_before=asset.value / book.total,
        weight_after=(asset.held + quantity) * asset.market.mid / book.total,
        target_weight=asset.target / book.total,
        reason_code=code,
        reason=reason,
    )


def _outside_line(book: Book, position: LeftAlone) -> PlanLine:
    """A position that is left alone; a short may be wanted long, so it carries its target."""
    asset = book.assets.get(position.symbol) if position.code is ReasonCode.SHORT else None
    target = asset.target if asset else _ZERO
    weight = None if position.value is None else position.value / book.total
    return PlanLine(
        symbol=position.symbol,
        quantity=_ZERO,
        estimated_fee=_ZERO,
        current_quantity=position.quantity,
        current_value=position.value,
        target_value=target,
        weight_before=weight,
        weight_after=weight,
        target_weight=target / book.total,
        reason_code=position.code,
        reason=position.reason,
    )


def _warnings(account: OpenAccount, trades: Trades, dropped: bool) -> tuple[str, ...]:
    book, cash_balance = account.book, account.snapshot.cash_balance
    warnings = [f"{p.symbol}: {p.reason}" for p in account.holdings.left_alone]
    if book.cash < cash_balance:
        aside = f"{cash_balance - book.cash:,.2f}"
        warnings.append(
            f"{aside} of the cash is left alone: in other currencies, or owed on positions"
        )
    for symbol, asset in book.assets.items():
        stub = asset.held % asset.lot
        if stub and not asset.targeted:
            warnings.append(
                f"{symbol}: {stub.normalize():f} of a share cannot be sold by order; sell it in "
                "the broker's own application"
            )
    after = book.cash_after(trades)
    if after < book.cash_target:
        warnings.append(f"cash of {after:,.2f} stays below the {book.cash_target:,.2f} wanted")
    if dropped:
        least = f"{book.policy.minimum_improvement_bp:f} bp"
        warnings.append(f"the best plan improves less than {least} and is not used")
    return tuple(warnings)
