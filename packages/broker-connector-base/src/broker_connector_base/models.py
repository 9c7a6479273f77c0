"""Everything a broker says and hears, as values.

Conventions, unless a field says otherwise: money is in the account's base currency; prices are in
the instrument's currency per share; quantities are signed shares (positive bought or long, negative
sold or short); `None` means the broker gave no value. Percent fields hold percent, weights hold
fractions.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import Field

from .order_states import OrderStatus
from .values import NotNegative, Number, Positive, UtcTime, Value


class AccountConfig(Value):
    """One configured account, whatever its broker."""

    #: As the broker knows it.
    account_id: str = Field(min_length=1)
    #: Only accounts of the type that fits TRADING_MODE are processed.
    type: Literal["paper", "live"]
    #: Disabled accounts are left alone.
    enabled: bool = True
    #: What it follows: the name at the allocation service and of the channel for events.
    strategy_name: str = Field(min_length=1)
    #: Percent of net liquidation that stays in cash.
    cash_reserve_percent: Number = Field(default=Decimal(1), ge=0, le=100)
    #: A set of symbols to hold in place of others.
    replacement_set: str | None = None
    #: At most one live rebalance per exchange session.
    pdt_protection_enabled: bool = False
    #: Who keeps the account: ibkr, or paper for one that is kept on this machine.
    broker: str = "ibkr"


class AllocationItem(Value):
    """One line of a target allocation; `allocation` is a fraction of the invested value."""

    symbol: str
    allocation: Number


class Trade(Value):
    """One proposed or executed trade; `quantity` is signed shares."""

    symbol: str
    quantity: Number
    current_shares: Number
    target_value: Number
    current_value: Number
    #: The price the trade was valued at: the limit for a buy, the bid for a sell.
    price: Number
    order_type: str = "MARKET"
    order_id: str | None = None


class QuoteQuality(StrEnum):
    """How fresh the broker says its data is; only LIVE is good enough to trade on by default."""

    LIVE = "live"
    FROZEN = "frozen"
    DELAYED = "delayed"
    DELAYED_FROZEN = "delayed-frozen"


class ContractPrice(Value):
    """A quote. A price that is absent, not positive or not a number at the broker is None here."""

    symbol: str
    bid: Positive | None = None
    ask: Positive | None = None
    last: Positive | None = None
    close: Positive | None = None
    quality: QuoteQuality = QuoteQuality.LIVE
    #: True when the broker says trading is halted, None when it does not say.
    halted: bool | None = None
    as_of: UtcTime | None = None


class Session(Value):
    """One continuous trading period of an instrument."""

    opens: UtcTime
    closes: UtcTime


class Instrument(Value):
    """A tradable thing that exactly one broker contract answers to."""

    symbol: str
    #: The broker's permanent key (IBKR: conId as text).
    instrument_id: str
    #: The broker's class of instrument; only "STK" is rebalanced.
    security_type: str = "STK"
    currency: str = "USD"
    exchange: str | None = None
    name: str | None = None
    #: Smallest price step, in the instrument's currency.
    min_tick: Positive
    #: Smallest tradable quantity step, in shares.
    lot_size: Positive = Decimal(1)
    #: Regular sessions known to the broker, earliest first.
    liquid_hours: tuple[Session, ...] = ()


class AccountPosition(Value):
    """One holding; `market_value` is signed like `quantity`."""

    symbol: str
    quantity: Number
    #: Per share, in `currency`; None when the broker has no price.
    market_price: Number | None = None
    #: In `currency`; None when the broker has no price.
    market_value: Number | None = None
    #: Per share in `currency`, commission included, as the broker reports it.
    average_cost: Number | None = None
    security_type: str = "STK"
    currency: str = "USD"
    instrument_id: str | None = None


class AccountSnapshot(Value):
    """What the broker says an account holds at one moment."""

    account_id: str
    #: Net liquidation, base currency.
    total_value: Number
    #: Total cash, base currency; negative when money is borrowed.
    cash_balance: Number
    #: Settled part of the cash, base currency; None when the broker does not say. The money of a
    #: sale settles later, that of a purchase leaves at once.
    settled_cash: Number | None = None
    #: The day by which all cash will have settled, None when the broker does not say.
    settles_on: date | None = None
    #: True when the broker says that the account may spend nothing but its own, settled cash.
    cash_account: bool = False
    positions: tuple[AccountPosition, ...] = ()
    #: Base currency of the account (ISO 4217).
    currency: str = "USD"
    #: Cash per currency, each in its own currency.
    cash_by_currency: dict[str, Number] = Field(default_factory=dict)
    #: Funds that may be spent without borrowing against margin, base currency.
    available_funds: Number | None = None
    as_of: UtcTime | None = None

    @property
    def own_cash(self) -> Decimal:
        """Cash in the base currency; all cash where the broker does not tell it apart."""
        return self.cash_by_currency.get(self.currency, self.cash_balance)

    @property
    def has_other_cash(self) -> bool:
        """True when the broker lists money in another currency than the account's."""
        return any(amount for c, amount in self.cash_by_currency.items() if c != self.currency)

    @property
    def traded_cash(self) -> Decimal:
        """What to hold against trades in the base currency.

        The balance has the worth of other currencies in it, which moves by itself. Where there is
        none, the balance counts: one that contradicts `cash_by_currency` is to be noticed.
        """
        return self.own_cash if self.has_other_cash else self.cash_balance


class OrderResult(Value):
    """An order as the broker knows it at the moment of the answer."""

    order_id: str
    symbol: str
    #: Signed shares ordered.
    quantity: Number
    status: OrderStatus
    #: The caller's idempotency key (IBKR: orderRef).
    client_order_id: str | None = None
    #: The broker's permanent key (IBKR: permId), None until the broker has told it.
    permanent_id: str | None = None
    #: Unsigned shares filled so far.
    filled_quantity: NotNegative = Decimal(0)
    average_price: Number | None = None
    #: The broker's words about the order, warnings included.
    message: str | None = None


class OpenOrder(Value):
    """A working order of the account, ours or anybody's."""

    order_id: str
    symbol: str
    quantity: Number
    status: OrderStatus
    order_type: str
    account_id: str | None = None
    client_order_id: str | None = None
    permanent_id: str | None = None
    filled_quantity: NotNegative = Decimal(0)
    limit_price: Number | None = None
    time_in_force: str | None = None
    #: True when this session's client id placed it, so that it may be cancelled here.
    own: bool = True


class Fill(Value):
    """One execution, corrections already applied: a later report with the same `execution_id`
    replaces it.
    """

    execution_id: str
    order_id: str
    client_order_id: str | None = None
    permanent_id: str | None = None
    account_id: str
    symbol: str
    #: Signed shares.
    quantity: Number
    price: Positive
    #: Base or instrument currency as the broker charges it; None until the broker has told it.
    commission: Number | None = None
    commission_currency: str | None = None
    at: UtcTime


class OrderUpdate(Value):
    """The broker's word about one order's state."""

    order_id: str
    client_order_id: str | None = None
    permanent_id: str | None = None
    symbol: str
    status: OrderStatus
    #: Unsigned shares.
    filled_quantity: NotNegative = Decimal(0)
    remaining_quantity: NotNegative | None = None
    average_price: Number | None = None
    #: The broker's code and words when it gave any.
    code: str | None = None
    message: str | None = None


class Connectivity(StrEnum):
    """The broker's own link to its exchanges, while our session to the broker stands."""

    LOST = "lost"
    RESTORED = "restored"
    RESTORED_DATA_LOST = "restored, subscriptions lost"


class ConnectivityChange(Value):
    """The broker lost or regained its link; orders and fills may have moved meanwhile."""

    state: Connectivity
    message: str | None = None


OrderEvent = OrderUpdate | Fill | ConnectivityChange


class RunStatus(StrEnum):
    """How a rebalance ended."""

    DONE = "done"
    NOTHING_TO_DO = "nothing to do"
    #: Nothing is left in doubt, but the targets were not reached.
    FAILED = "failed"
    #: A person must look before the next run.
    NEEDS_ATTENTION = "needs attention"


class Claim(StrEnum):
    """What a person has to look at, as something that is either true at the broker or not."""

    #: The named orders may be working or have traded: the broker could not tell.
    ORDERS_IN_DOUBT = "orders in doubt"
    #: Orders of the account's own runs work and could not be taken back.
    ORDERS_WORKING = "orders working"
    #: Orders that nobody here placed work in the named symbols.
    ORDERS_OF_OTHERS = "orders of others"
    #: The account holds something else in the named symbols than the known trades explain.
    POSITIONS_UNEXPLAINED = "positions unexplained"
    #: A named symbol stands for something that is not to be traded.
    WRONG_INSTRUMENT = "wrong instrument"
    #: Orders were sent, and the broker could not be asked how the account stands since.
    ACCOUNT_NOT_SEEN = "account not seen"
    #: Whoever traded the account ended without telling what was sent.
    NO_RESULT = "no result"
    JOURNAL_UNREADABLE = "journal unreadable"
    PROGRAM_FAULT = "fault in the program"


class Attention(Value):
    """Why a person must look before the next run, for programs; errors say it in words."""

    claim: Claim
    #: What it is about; empty when it is about the whole account.
    symbols: tuple[str, ...] = ()
    #: Client order ids; empty for orders that have none.
    orders: tuple[str, ...] = ()


class RebalanceResult(Value):
    """Result of an executed rebalance."""

    orders: tuple[Trade, ...] = ()
    total_value: Number
    cash_balance: Number | None = None
    success: bool
    error: str | None = None
    warnings: tuple[str, ...] = ()


class CalculateRebalanceResult(Value):
    """Result of a preview: nothing was sent."""

    proposed_trades: tuple[Trade, ...] = ()
    current_value: Number
    success: bool
    warnings: tuple[str, ...] = ()
