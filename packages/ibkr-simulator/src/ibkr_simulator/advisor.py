"""An adviser's login: its groups of accounts, and who gets how much of an order for a group.

The XML that clients read and replace, and orders, come in; groups and shares of orders go out. The
XML is kept in the exchange's `extra` and saved with it. Nothing is traded here.

Sources: TWS API, "Financial Advisors" (methods of allocation, the XML of groups and aliases).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from enum import IntEnum
from xml.etree import ElementTree

from simulated_exchange import Account, Exchange, Instrument

from .refusals import Refusal, invalid, rejected

_KEY = "advisor"
_ZERO = Decimal(0)
_HUNDRED = Decimal(100)
#: what the account is that manages the others, by its type
ADVISOR = "ADVISOR"


class Data(IntEnum):
    """What a client may ask for; the numbers of the TWS API."""

    GROUPS = 1
    PROFILES = 2
    ALIASES = 3


_EMPTY: Mapping[Data, str] = {
    Data.GROUPS: "<ListOfGroups></ListOfGroups>",
    # They have become groups; new gateways have none.
    Data.PROFILES: "<ListOfAllocationProfiles></ListOfAllocationProfiles>",
    Data.ALIASES: "<ListOfAccountAliases></ListOfAccountAliases>",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Accounts that share orders; `amounts` are there for methods that give each its own."""

    name: str
    method: str
    accounts: tuple[str, ...]
    amounts: tuple[Decimal, ...] = ()


class Advisor:
    """What an adviser has set up, for the accounts of one login."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def xml(self, kind: Data) -> str:
        """As it was written last."""
        kept: str = self._exchange.extra.get(_KEY, {}).get(kind.name, _EMPTY[kind])
        return kept

    def replace(self, kind: Data, xml: str, accounts: tuple[str, ...]) -> None:
        """Keep it, if it makes sense for these accounts. Raises `Refusal`."""
        if kind is Data.PROFILES:
            raise invalid("FA Profile is not supported anymore, use FA Group instead")
        named = _aliased(xml) if kind is Data.ALIASES else _members(parse_groups(xml))
        if strangers := sorted(named - set(accounts)):
            raise Refusal(
                10231,
                "The following Groups and/or Profiles contain invalid accounts:"
                f" {','.join(strangers)}",
            )
        self._exchange.extra.setdefault(_KEY, {})[kind.name] = xml

    def group(self, name: str) -> Group | None:
        groups = parse_groups(self.xml(Data.GROUPS))
        return next((group for group in groups if group.name == name), None)

    def share_out(
        self, terms: Mapping[str, str], quantity: Decimal, instrument: Instrument
    ) -> dict[str, Decimal]:
        """Account -> its part of an order for a group; who gets nothing is left out.

        `terms` are faGroup, faMethod (empty: the group's own) and faPercentage. Raises `Refusal`.
        """
        name = terms["faGroup"]
        group = self.group(name)
        if group is None:
            raise rejected(f"There is no group {name}.")
        accounts = {each: self._exchange.account(each) for each in group.accounts}
        method, lot = terms["faMethod"] or group.method, instrument.lot_size
        if method == "PctChange":
            parts = _part_of_positions(accounts, instrument.con_id, terms["faPercentage"], lot)
        elif method in _OWN_AMOUNTS and group.amounts:
            parts = shared(quantity, dict(zip(accounts, group.amounts, strict=True)), lot)
        elif weigh := _WEIGHTS.get(method):
            weights = {each: max(_ZERO, weigh(account)) for each, account in accounts.items()}
            parts = shared(quantity, weights, lot)
        else:
            raise rejected(f"Group {name} cannot be shared out by {method or 'no method'}.")
        if not any(parts.values()):
            raise rejected(f"No account of group {name} would get anything.")
        return {account: part for account, part in parts.items() if part}


#: methods by which a group says itself what each of its accounts gets
_OWN_AMOUNTS = ("ContractsOrShares", "Percent", "Ratio", "MonetaryAmount")
_WEIGHTS: Mapping[str, Callable[[Account], Decimal]] = {
    "Equal": lambda account: Decimal(1),
    "EqualQuantity": lambda account: Decimal(1),
    "NetLiq": lambda account: account.net_liquidation,
    "AvailableEquity": lambda account: account.available_funds,
}


def shared(quantity: Decimal, weights: Mapping[str, Decimal], lot: Decimal) -> dict[str, Decimal]:
    """The quantity by weight in whole lots; what is left goes out lot by lot, in order."""
    total = sum(weights.values(), _ZERO)
    if not total:
        return {}
    parts = {name: _whole(quantity * weight / total, lot) for name, weight in weights.items()}
    left = quantity - sum(parts.values(), _ZERO)
    for name, weight in weights.items():
        if left < lot:
            break
        if weight:
            parts[name] += lot
            left -= lot
    return parts


def _part_of_positions(
    accounts: Mapping[str, Account], con_id: int, percentage: str, lot: Decimal
) -> dict[str, Decimal]:
    """So many percent of what each holds, whatever quantity the order names."""
    try:
        fraction = abs(Decimal(percentage)) / _HUNDRED
    except ArithmeticError:
        raise rejected(f"A percentage is a number, not {percentage!r}.") from None
    held = {
        name: account.positions[con_id].quantity if con_id in account.positions else _ZERO
        for name, account in accounts.items()
    }
    return {name: _whole(abs(quantity) * fraction, lot) for name, quantity in held.items()}


def _whole(quantity: Decimal, lot: Decimal) -> Decimal:
    return (quantity / lot).to_integral_value(ROUND_DOWN) * lot


def parse_groups(xml: str) -> list[Group]:
    """Both ways of writing: accounts alone, or each with its amount. Raises `Refusal`."""
    return [_group(each) for each in _root(xml).iter("Group")]


def _group(element: ElementTree.Element) -> Group:
    listed = [text.text or "" for text in element.iterfind("ListOfAccts/String")]
    with_amounts = list(element.iterfind("ListOfAccts/Account"))
    accounts = listed + [each.findtext("acct", "") for each in with_amounts]
    name = element.findtext("name", "")
    if not name or not accounts or len(set(accounts)) < len(accounts):
        raise invalid(f"Group {name or 'without a name'} needs accounts, each of them once")
    try:
        amounts = tuple(Decimal(each.findtext("amount", "0")) for each in with_amounts)
    except ArithmeticError:
        raise invalid(f"An amount of group {name} is no number") from None
    if not all(amount.is_finite() and amount >= 0 for amount in amounts):
        raise invalid(f"An amount of group {name} is negative or no number")
    method = element.findtext("defaultMethod", "")
    return Group(name=name, method=method, accounts=tuple(accounts), amounts=amounts)


def _members(groups: list[Group]) -> set[str]:
    return {account for group in groups for account in group.accounts}


def _aliased(xml: str) -> set[str]:
    return {each.findtext("account", "") for each in _root(xml).iter("AccountAlias")}


def _root(xml: str) -> ElementTree.Element:
    # Definitions of entities are no part of it, and can be made to fill the memory.
    if "<!" in xml:
        raise invalid("FA data is plain XML, without declarations")
    try:
        return ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        raise invalid(f"FA data is not XML: {error}") from None
