"""The back office: what happens to accounts without an order.

Comes in: openings, transfers, rates. Goes out: changed ledgers, each change with its entry, and the
events that tell of them. Never: a fill.
"""

from collections.abc import Mapping
from decimal import Decimal

from .accounts import Adjustment, Holding, Ledger
from .clerk import cash_changed
from .counter import Counter
from .settlement import Settlement


class Office(Counter):
    """The administrative part of an `Exchange`."""

    def open_account(
        self,
        account_id: str,
        *,
        cash: Mapping[str, Decimal],
        positions: Mapping[int, tuple[Decimal, Decimal]] | None = None,
        base_currency: str = "USD",
        account_type: str = "INDIVIDUAL",
        margin: bool = False,
        allow_short: bool = False,
        settlement_days: int = 0,
    ) -> None:
        """Open an account with cash per currency and positions: con_id -> (quantity, avg cost)."""
        if account_id in self._books.ledgers:
            raise ValueError(f"account {account_id} is open already")
        holdings = {
            self._market.instrument(con_id).con_id: Holding(quantity, quantity * average_cost)
            for con_id, (quantity, average_cost) in (positions or {}).items()
        }
        balances = {base_currency: Decimal(0), **cash}
        if unknown := balances.keys() - self._books.rates.keys():
            raise ValueError(f"account {account_id} needs a rate for {', '.join(sorted(unknown))}")
        self._books.ledgers[account_id] = Ledger(
            account_id=account_id,
            account_type=account_type,
            base_currency=base_currency,
            margin=margin,
            allow_short=allow_short,
            settlement=Settlement(settlement_days),
            cash=balances,
            holdings=holdings,
            opening_cash=dict(balances),
            opening_quantities={con_id: held.quantity for con_id, held in holdings.items()},
        )

    def transfer(self, account_id: str, currency: str, amount: Decimal) -> None:
        """Deposit money, or withdraw it if the amount is negative; it has settled at once.

        Nothing is checked against orders: a withdrawal can leave an account short of cash.
        """
        ledger = self._books.ledger(account_id)
        if currency not in self._books.rates:
            raise ValueError(f"account {account_id} needs a rate for {currency}")
        ledger.cash[currency] = ledger.cash.get(currency, Decimal(0)) + amount
        reason = "deposit" if amount > 0 else "withdrawal"
        self._enter(ledger, reason, currency=currency, cash=amount)
        self._outbox.put(cash_changed(ledger, currency, self.clock.now()))
        self._outbox.deliver()

    def set_rate(self, currency: str, value: Decimal) -> None:
        """Change what one unit of a currency is worth in US dollars."""
        if currency == "USD" or value <= 0:
            raise ValueError(f"a rate is positive and not the dollar's: {value} for {currency}")
        self._books.rates[currency] = value

    def _enter(
        self,
        ledger: Ledger,
        reason: str,
        *,
        currency: str = "",
        cash: Decimal = Decimal(0),
        con_id: int = 0,
        quantity: Decimal = Decimal(0),
    ) -> None:
        """Keep a record of what moved, for the audit."""
        self._books.adjustments.append(
            Adjustment(
                account_id=ledger.account_id,
                at=self.clock.now(),
                reason=reason,
                currency=currency,
                cash=cash,
                con_id=con_id,
                quantity=quantity,
            )
        )
