"""How many shares an account may come to hold, and how much cash has to stay.

Comes in: the world before any run, which is the truth. Goes out: bounds that every sound plan
keeps, however often it is interrupted. Pure, and by arithmetic of its own.
"""

from __future__ import annotations

from decimal import Decimal

from .case import AccountWorld, World

_ZERO = Decimal(0)
#: Shares beyond the ideal that whole-share fitting may need, and the drift that may be left alone,
#: as a fraction of the account: a doubled order of these worlds is far beyond both.
_FITTING_SHARES, _DRIFT = Decimal(1), Decimal("0.006")


class Bounds:
    """How many shares of each symbol an account may hold, from the true state before any run."""

    def __init__(self, world: World, account: AccountWorld) -> None:
        self.account = account
        mids = {stock.symbol: stock.mid for stock in world.stocks}
        self.mids = mids
        stocks = sum((mids[s] * q for s, q in account.held.items() if s in mids), _ZERO)
        self.value = account.cash + stocks
        self.reserve = max(self.value * account.reserve_percent / 100, Decimal(100))
        investable = self.value - self.reserve
        self.targets = {s: investable * account.weights.get(s, _ZERO) / mids[s] for s in mids}

    def slack(self, symbol: str) -> Decimal:
        """Shares by which a sound plan may miss the target."""
        return _FITTING_SHARES + self.value * _DRIFT / self.mids[symbol]

    def refit(self, symbol: str) -> Decimal:
        """Shares that a sound plan may sell although it misses no target: a few cheap ones, to pay
        for one dear share that is missing.
        """
        return self.slack(symbol) + max(self.mids.values()) / self.mids[symbol]

    def most(self, symbol: str) -> Decimal:
        """No purchase leads beyond this."""
        held = Decimal(self.account.held.get(symbol, 0))
        return max(held, self.targets[symbol] + self.slack(symbol))

    def least(self, symbol: str) -> Decimal:
        """No sale leads below this."""
        held = Decimal(self.account.held.get(symbol, 0))
        return min(held, max(_ZERO, self.targets[symbol] - self.refit(symbol)))
