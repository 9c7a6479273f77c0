"""Why each line of a plan is as it is, as a code and as one sentence for a person."""

from __future__ import annotations

from decimal import Decimal

from .book import Asset, Book
from .models import ReasonCode

_BARRED = {
    ReasonCode.BUY_BLOCKED: "buying is blocked",
    ReasonCode.SELL_BLOCKED: "selling is blocked",
    ReasonCode.BUYS_ONLY: "only buying is allowed",
}


def trade_reason(book: Book, asset: Asset, quantity: Decimal) -> tuple[ReasonCode, str]:
    """Why `quantity` is traded; it is not 0."""
    of_held = f"{_shares(-quantity)} of {_shares(asset.held)}"
    if not asset.targeted:
        stub = asset.held + quantity
        rest = f"; the other {_shares(stub)} is less than a lot" if stub else ""
        return ReasonCode.NOT_IN_ALLOCATION, f"not in the allocation: sell {of_held}{rest}"
    drift = _drift(book, asset)
    if quantity > 0:
        return ReasonCode.UNDERWEIGHT, f"{drift}: buy {_shares(quantity)}"
    lot_value = asset.lot * asset.market.mid
    left = asset.value + quantity * asset.market.mid
    if asset.value > asset.target and left > asset.target - lot_value:
        return ReasonCode.OVERWEIGHT, f"{drift}: sell {of_held}"
    return ReasonCode.RAISE_CASH, f"{drift}: sell {of_held} to raise cash"


def hold_reason(book: Book, asset: Asset, *, dropped: bool) -> tuple[ReasonCode, str]:
    """Why nothing is traded; `dropped` says that there was a trade which improves too little."""
    if asset.targeted:
        code, why = _why_held(book, asset, dropped)
        return code, f"{_drift(book, asset)}: {why}"
    if asset.barred is not None:
        return asset.barred, f"not in the allocation, but {_BARRED[asset.barred]}"
    return (
        ReasonCode.FRACTIONAL_STUB,
        f"not in the allocation, but {_shares(asset.held)} is less than a lot",
    )


def _why_held(book: Book, asset: Asset, dropped: bool) -> tuple[ReasonCode, str]:
    policy = book.policy
    missing, lot_value = asset.target - asset.value, asset.lot * asset.market.mid
    if asset.barred is ReasonCode.INSIDE_BAND:
        return asset.barred, f"inside the band of {policy.drift_band_percent:f} points"
    if asset.barred is not None:
        return asset.barred, _BARRED[asset.barred]
    if dropped:
        least = f"{policy.minimum_improvement_bp:f} bp"
        return ReasonCode.IMPROVEMENT_TOO_SMALL, f"the plan would improve less than {least}"
    if abs(missing) < lot_value:
        return ReasonCode.ON_TARGET, "less than a lot away"
    if abs(missing) < policy.min_trade_value:
        least = f"{policy.min_trade_value:f}"
        return ReasonCode.BELOW_MINIMUM_TRADE, f"the trade would be worth less than {least}"
    if missing > 0:
        return ReasonCode.NOT_ENOUGH_CASH, "the cash is missing or does more good elsewhere"
    return ReasonCode.NOT_WORTH_THE_COST, "selling would cost more than it gains"


def _drift(book: Book, asset: Asset) -> str:
    now, wanted = asset.value / book.total * 100, asset.target / book.total * 100
    return f"{now:.1f} % now, {wanted:.1f} % wanted"


def _shares(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"
