"""Why each line of a plan is as it is, as a code and as one sentence for a person."""

from __future__ import annotations

from decimal import Decimal

from .book import Asset, Book
from .models import ReasonCode

_BARRED = {
    ReasonCode.BUY_BLOCKED: "buying is blocked",
    ReasonCode.SELL_BLOCKED: "selling is blocked",
    ReasonCode.BUYS_ONLY: "only buying is allowed",
    ReasonCode.SHORT: "the account is short of it, which is left alone",
}


def trade_reason(book: Book, asset: Asset, quantity: Decimal) -> tuple[ReasonCode, str]:
    """Why `quantity` is traded; it is not 0."""
    size = f"{abs(quantity).normalize():f}"
    held = f"{asset.held.normalize():f}"
    if not asset.targeted:
        sentence = f"not in the allocation: sell {size} of {held}"
        if stub := asset.held + quantity:
            sentence += f", {stub.normalize():f} is less than a lot and stays"
        return ReasonCode.NOT_IN_ALLOCATION, sentence
    drift = _drift(book, asset)
    if quantity > 0:
        return ReasonCode.UNDERWEIGHT, f"{drift}: buy {size}"
    if asset.value + quantity * asset.market.mid >= asset.target - asset.lot * asset.market.mid:
        return ReasonCode.OVERWEIGHT, f"{drift}: sell {size} of {held}"
    return ReasonCode.RAISE_CASH, f"{drift}: sell {size} of {held} to raise cash"


def hold_reason(book: Book, asset: Asset, *, dropped: bool) -> tuple[ReasonCode, str]:
    """Why nothing is traded; `dropped` says that the plan had a trade that is not worth it."""
    if not asset.targeted:
        if asset.barred is not None:
            return asset.barred, f"not in the allocation, but {_BARRED[asset.barred]}"
        stub = f"{asset.held.normalize():f} left is less than a lot of {asset.lot.normalize():f}"
        return ReasonCode.FRACTIONAL_STUB, f"not in the allocation, but {stub}"
    code, why = _why_held(book, asset, dropped)
    return code, f"{_drift(book, asset)}: {why}"


def _why_held(book: Book, asset: Asset, dropped: bool) -> tuple[ReasonCode, str]:
    policy, missing, lot_value = (
        book.policy,
        asset.target - asset.value,
        asset.lot * asset.market.mid,
    )
    if asset.barred is ReasonCode.INSIDE_BAND:
        return asset.barred, f"inside the band of {policy.drift_band_percent:f} points"
    if asset.barred is not None:
        return asset.barred, _BARRED[asset.barred]
    if dropped:
        least = f"{policy.minimum_improvement_bp:f} bp"
        return ReasonCode.IMPROVEMENT_TOO_SMALL, f"trading would improve less than {least}"
    if abs(missing) >= lot_value and abs(missing) < policy.min_trade_value:
        least = f"{policy.min_trade_value:f}"
        return ReasonCode.BELOW_MINIMUM_TRADE, f"the trade would be worth less than {least}"
    if missing >= lot_value:
        return ReasonCode.NOT_ENOUGH_CASH, "the cash does more good elsewhere"
    return ReasonCode.ON_TARGET, "as close as lots, cash and costs allow"


def _drift(book: Book, asset: Asset) -> str:
    now, wanted = asset.value / book.total * 100, asset.target / book.total * 100
    return f"{now:.1f} % now, {wanted:.1f} % wanted"
