"""Why a plan is refused. Nothing was computed or sent; the input must change before a retry."""

from __future__ import annotations


class PlanError(ValueError):
    """Base of every refusal of this package."""


class AllocationError(PlanError):
    """The allocation list cannot be used; the message names the line.

    `index` is the position of the line in the list (0 first), None when the list as a whole is bad.
    """

    def __init__(
        self, message: str, *, index: int | None = None, symbol: str | None = None
    ) -> None:
        super().__init__(message)
        self.index = index
        self.symbol = symbol


class QuoteError(PlanError):
    """Held or targeted symbols have no usable quote; `symbols` lists them."""

    def __init__(self, message: str, *, symbols: tuple[str, ...]) -> None:
        super().__init__(message)
        self.symbols = symbols


class SnapshotError(PlanError):
    """The broker's picture of the account is missing, contradicts itself, or cannot be used."""


class ReplacementError(PlanError):
    """A replacement set cannot be applied to these allocations."""
