"""The back office: what happens to accounts without an order.

Comes in: openings, transfers, rates, corrections, corporate actions. Goes out: changed ledgers,
each change with its entry, and the events that tell of them. Never: a fill.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from .accounts import Adjustment, Holding, Ledger
from .clerk import cash_changed, position_changed
from .corrections import correct_fill
from .counter import Counter
from .events import CommissionCharged, Executed, Execution
from .instruments import Instrument
from .quotes import divided
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
            anchors={con_id: replace(held) for con_id, held in holdings.items()},
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

    def correct(
        self, exec_id: str, *, price: Decimal | None = None, quantity: Decimal | None = None
    ) -> Execution:
        """Correct a fill's price, or the quantity that is left of it (0 busts it).

        The corrected execution has the next suffix, cash and position are as if it had always been
        so, and settlement dates stay. Raises `ExchangeError` for a fill that cannot be corrected.
        """
        new = correct_fill(self._books, exec_id, price, quantity)
        old = next(fill for fill in self._books.executions if fill.exec_id == exec_id)
        order, report = self._books.orders[new.order_id], self._books.reports[new.exec_id]
        if ticket := self._books.tickets.get(order.order_id):
            ticket.commission += report.commission - self._books.reports[exec_id].commission
        ledger, now = self._books.ledgers[new.request.account_id], self.clock.now()
        self._outbox.put(Executed(execution=new))
        if not self._market.instrument(new.request.con_id).is_pair:
            self._outbox.put(position_changed(ledger, new.request.con_id, now))
        self._outbox.put(cash_changed(ledger, report.currency, now))
        filled = order.filled - old.quantity + new.quantity
        value = order.filled_value - old.quantity * old.price + new.quantity * new.price
        self._floor.register.restate(order, filled, value)
        self._outbox.put(CommissionCharged(execution=new, report=report))
        self._outbox.deliver()
        return new

    def split(self, con_id: int, ratio: Decimal, *, keep_fractions: bool = False) -> None:
        """Give `ratio` shares for each one; below 1 it is a reverse split.

        Its orders are cancelled and its quote is divided. Fractions of a lot are paid out at the
        new price, unless they are kept.
        """
        instrument = self._market.instrument(con_id)
        if not (ratio.is_finite() and ratio > 0):
            raise ValueError(f"a split has a positive ratio, not {ratio}")
        self._floor.withdraw(con_id)
        quote = divided(self._market.quote(con_id), ratio, instrument)
        self._floor.set_quote(con_id, quote)
        for ledger in self._books.ledgers.values():
            holding = ledger.holdings.get(con_id)
            if holding is not None and holding.quantity:
                before = holding.quantity
                price = Decimal(0) if keep_fractions else self._market.mark(con_id)
                lot = Decimal(0) if keep_fractions else instrument.lot_size
                paid = holding.split(ratio, lot, price)
                ledger.settlement.split(con_id, ratio)
                self._adjust(ledger, con_id, "split", holding.quantity - before, paid)
        self._outbox.deliver()

    def rename(self, con_id: int, successor: Instrument) -> None:
        """Let another listing take the place of one, with its positions and its quote.

        Orders of the old one are cancelled, and it trades no more.
        """
        old = self._market.instrument(con_id)
        if successor.con_id in self._books.instruments or successor.currency != old.currency:
            raise ValueError(
                f"{successor.symbol} needs a new con_id and {old.currency} as currency"
            )
        self._floor.withdraw(con_id)
        self._floor.feeds.walk(con_id, None)
        self._books.instruments[successor.con_id] = successor
        self._books.delisted.append(con_id)
        self._floor.set_quote(successor.con_id, self._market.quote(con_id))
        for ledger in self._books.ledgers.values():
            holding = ledger.holdings.get(con_id)
            if holding is not None and holding.quantity:
                moved = Holding(holding.quantity, holding.cost)
                ledger.holdings[successor.con_id] = moved
                ledger.holdings[con_id] = Holding(realized=holding.realized)
                self._adjust(ledger, con_id, "rename", -moved.quantity)
                self._adjust(ledger, successor.con_id, "rename", moved.quantity)
        self._outbox.deliver()

    def _adjust(
        self,
        ledger: Ledger,
        con_id: int,
        reason: str,
        quantity: Decimal,
        cash: Decimal = Decimal(0),
    ) -> None:
        """Record and tell what moved in a position, which its holding already contains."""
        currency, now = self._market.currency(con_id), self.clock.now()
        ledger.anchors[con_id] = replace(ledger.holdings[con_id])
        self._outbox.put(position_changed(ledger, con_id, now))
        if cash:
            ledger.cash[currency] = ledger.cash.get(currency, Decimal(0)) + cash
            self._outbox.put(cash_changed(ledger, currency, now))
        self._enter(ledger, reason, currency=currency, cash=cash, con_id=con_id, quantity=quantity)

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
                after=len(self._books.executions),
                currency=currency,
                cash=cash,
                con_id=con_id,
                quantity=quantity,
            )
        )
