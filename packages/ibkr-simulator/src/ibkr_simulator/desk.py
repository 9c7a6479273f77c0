"""What all sessions of one gateway share.

Comes in: the exchange and the gateway's settings. Goes out: lookups that handlers have in common.
Never: a session, a socket.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from simulated_exchange import Account, Exchange, ExchangeError, Instrument

from .advisor import ADVISOR, Advisor
from .blocks import Blocks
from .limits import Limits
from .order_ids import OrderIds
from .pacing import HistoryPace
from .refusals import Refusal, invalid, no_such_contract
from .translate.accounts import Statement
from .translate.contracts import market_rules, price_rule
from .translate.texts import words

#: terms of a contract that may contradict its id
_JUDGED = words(
    "symbol secType lastTradeDateOrContractMonth strike right currency primaryExchange localSymbol "
    "tradingClass"
)


class Desk:
    """One login's view of an exchange."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        accounts: tuple[str, ...] | None,
        master_client_id: int,
        read_only: bool,
        limits: Limits | None,
        history_pace: HistoryPace | None,
    ) -> None:
        self.exchange = exchange
        self.master_client_id = master_client_id
        self.read_only = read_only
        #: how much there may be at a time, and how often bars may be asked for; None: any
        self.limits = limits
        self.history_pace = history_pace
        self.advisor = Advisor(exchange)
        self.blocks = Blocks(exchange)
        self.order_ids = OrderIds(exchange, self.blocks)
        self._accounts = accounts
        #: accounts as they are told while faults keep them from being told as they are
        self._frozen: dict[str, Account] = {}
        self._freezes = 0

    def account(self, account_id: str) -> Account:
        """An account, as clients are to see it."""
        return self._frozen.get(account_id) or self.exchange.account(account_id)

    @property
    def accounts_are_frozen(self) -> bool:
        return self._freezes > 0

    def freeze_accounts(self) -> None:
        """Show every account as it is now until `thaw_accounts` was called as often as this."""
        if not self._freezes:
            ids = self.exchange.account_ids()
            self._frozen = {name: self.exchange.account(name) for name in ids}
        self._freezes += 1

    def thaw_accounts(self) -> None:
        self._freezes -= 1
        if not self._freezes:
            self._frozen = {}

    @property
    def account_ids(self) -> tuple[str, ...]:
        """The accounts that this login manages."""
        return tuple(self.exchange.account_ids()) if self._accounts is None else self._accounts

    @property
    def advisor_id(self) -> str | None:
        """The account that manages the others, if this is an adviser's login."""
        of_type = self.exchange.account_type
        return next((name for name in self.account_ids if of_type(name) == ADVISOR), None)

    def accounts_of(self, group: str) -> tuple[str, ...]:
        """`All`, one of the accounts, or those of an adviser's group. Raises `Refusal`."""
        if group == "All":
            return self.account_ids
        if group in self.account_ids:
            return (group,)
        found = self.advisor.group(group) if self.advisor_id else None
        if found is None:
            raise invalid("Invalid group name")
        return found.accounts

    def statement(self, account_id: str) -> Statement:
        """An account, as clients are to see it, in the lines in which they see it."""
        now = self.exchange.clock.now()
        return Statement(account_id, self.account, self.exchange.instruments, now)

    def market_rule(self, instrument: Instrument) -> int:
        """The number of the rule that its prices follow."""
        return market_rules(self.exchange.find_instruments())[price_rule(instrument)]

    def matches(self, contract: Mapping[str, Any]) -> list[Instrument]:
        """Every instrument that a client's contract may mean. Raises `Refusal` if it is empty."""
        if not contract["conId"] and not contract["secType"]:
            raise invalid("Please enter a valid security type")
        if not (contract["conId"] or contract["symbol"] or contract["localSymbol"]):
            raise invalid("Please enter a symbol")
        found = self.exchange.find_instruments(
            con_id=contract["conId"] or None,
            symbol=contract["symbol"],
            sec_type=contract["secType"],
            currency=contract["currency"],
            exchange=contract["exchange"],
            primary_exchange=contract["primaryExchange"],
        )
        return [instrument for instrument in found if _agrees(instrument, contract)]

    def instrument(self, contract: Mapping[str, Any]) -> Instrument:
        """The one instrument a contract means, for an order or a quote.

        Raises `Refusal` when it means none or several, or does not say where to route.
        """
        if not contract["exchange"]:
            raise invalid(
                "Missing order exchange" if "action" in contract else "Please enter exchange"
            )
        found = self._by_con_id(contract) or self.matches(contract)
        if not found:
            raise no_such_contract()
        if len(found) > 1:
            name = contract["symbol"] or contract["localSymbol"]
            raise Refusal(200, f"The contract description specified for {name} is ambiguous.")
        return found[0]

    def _by_con_id(self, contract: Mapping[str, Any]) -> list[Instrument]:
        """The instrument of this id, if nothing else is said of it that a search has to judge."""
        if not contract["conId"] or any(contract[term] for term in _JUDGED):
            return []
        with suppress(ExchangeError):
            found = self.exchange.instrument(contract["conId"])
            if contract["exchange"] in (found.exchange, *found.valid_exchanges):
                return [found]
        return []


def _agrees(instrument: Instrument, contract: Mapping[str, Any]) -> bool:
    """Whether the instrument fits those terms of a contract that the exchange cannot search by."""
    expiry = contract["lastTradeDateOrContractMonth"]
    return (
        contract["localSymbol"] in ("", instrument.local_symbol or instrument.symbol)
        and contract["tradingClass"] in ("", instrument.trading_class or instrument.symbol)
        and contract["right"] in ("", "?", "0", instrument.right)
        and contract["strike"] in (0, instrument.strike)
        and instrument.last_trade_date.startswith(expiry)
        and (contract.get("secIdType") != "ISIN" or contract["secId"] == instrument.isin)
    )
