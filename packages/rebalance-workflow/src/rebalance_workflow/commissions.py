"""What fills have cost: the broker's word, and what is to be reckoned with until it comes.

Comes in: fills and the commission model. Goes out: amounts in the account's currency.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from broker_connector_base import Fill
from rebalance_calculator import CommissionModel

_ZERO = Decimal(0)


def told_commission(fill: Fill, currency: str) -> Decimal | None:
    """What the broker says the fill cost; None when it does not say so in this currency."""
    return fill.commission if fill.commission_currency in (None, currency) else None


def untold_commission(fills: Iterable[Fill], currency: str, model: CommissionModel) -> Decimal:
    """What the untold commissions are by the model, account currency.

    The model speaks of orders: many small fills of one do not cost the minimum each.
    """
    untold: defaultdict[str, list[Fill]] = defaultdict(list)
    for fill in fills:
        if told_commission(fill, currency) is None:
            untold[fill.order_id].append(fill)
    return sum((_fee(of_one, model) for of_one in untold.values()), _ZERO)


def _fee(fills: Iterable[Fill], model: CommissionModel) -> Decimal:
    shares = sum((abs(fill.quantity) for fill in fills), _ZERO)
    value = sum((abs(fill.quantity) * fill.price for fill in fills), _ZERO)
    return model.fee(shares, value / shares) if shares else _ZERO
