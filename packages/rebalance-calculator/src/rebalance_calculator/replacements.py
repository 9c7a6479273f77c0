"""Replacement sets: trade one symbol in place of another, for example in an IRA.

In: checked allocation lines and a set.  Out: lines that sum to one, and notes that say what moved.
Never changes the mix silently: what cannot be scaled up is refused with the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from broker_connector_base.models import AllocationItem
from broker_connector_base.values import Number, Positive, Value

from .allocations import validate_allocations
from .errors import ReplacementError
from .symbols import CASH, normal_symbol

Symbol = Annotated[str, AfterValidator(normal_symbol), Field(min_length=1)]


class Replacement(Value):
    """Hold `target` instead of `source`, with the source's weight times `scale`."""

    source: Symbol
    target: Symbol
    scale: Positive = Decimal(1)


class ReplacementSet(Value):
    """Replacements that apply together; each source once."""

    replacements: tuple[Replacement, ...]
    #: When scaling takes more than the other lines have, this fraction of them is kept and the
    #: result is scaled to one. None refuses instead.
    kept_fraction: Annotated[Number, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _each_source_once(self) -> Self:
        sources = [replacement.source for replacement in self.replacements]
        repeated = sorted({source for source in sources if sources.count(source) > 1})
        if repeated:
            raise ValueError(f"replaced more than once: {', '.join(repeated)}")
        return self


class ReplacedAllocations(Value):
    """The lines to trade on, and what was changed, for people."""

    allocations: tuple[AllocationItem, ...]
    notes: tuple[str, ...]


def apply_replacements(
    allocations: Sequence[AllocationItem], replacement_set: ReplacementSet
) -> ReplacedAllocations:
    """Replace, scale, merge and scale to one.

    The weight that scaling adds is taken from the lines that are not replaced, in proportion;
    weight that scaling frees is spread over all lines. Replacements are not chained. Raises
    AllocationError for bad lines and ReplacementError when the other lines cannot give what scaling
    takes.
    """
    targets = validate_allocations(allocations)
    lines = dict(targets.weights)
    if targets.cash:
        lines[CASH] = targets.cash
    rules = {rule.source: rule for rule in replacement_set.replacements if rule.source in lines}
    others = sum((w for symbol, w in lines.items() if symbol not in rules), Decimal(0))
    excess = sum((lines[source] * (rule.scale - 1) for source, rule in rules.items()), Decimal(0))
    keep = _kept(excess, others, replacement_set.kept_fraction)
    merged: dict[str, Decimal] = {}
    for symbol, weight in lines.items():
        rule = rules.get(symbol)
        end, scaled = (rule.target, weight * rule.scale) if rule else (symbol, weight * keep)
        merged[end] = merged.get(end, Decimal(0)) + scaled
    total = sum(merged.values(), Decimal(0))
    return ReplacedAllocations(
        allocations=tuple(
            AllocationItem(symbol=symbol, allocation=weight / total)
            for symbol, weight in merged.items()
        ),
        notes=_notes(lines, rules, keep, total),
    )


def _kept(excess: Decimal, others: Decimal, kept_fraction: Decimal | None) -> Decimal:
    """The fraction that the lines that are not replaced keep."""
    if excess <= 0:
        return Decimal(1)
    if excess <= others:
        return 1 - excess / others
    if kept_fraction is not None:
        return kept_fraction
    raise ReplacementError(
        f"the replacements need {excess * 100:.2f} % more than they replace, but the lines that "
        f"are not replaced have only {others * 100:.2f} %; lower the scales"
    )


def _notes(
    lines: Mapping[str, Decimal], rules: Mapping[str, Replacement], keep: Decimal, total: Decimal
) -> tuple[str, ...]:
    notes = [
        f"{source} {lines[source] * 100:.2f} % replaced by {rule.target} "
        f"{lines[source] * rule.scale / total * 100:.2f} %"
        for source, rule in rules.items()
    ]
    change = (keep / total - 1) * 100
    if rules and abs(change) >= Decimal("0.005"):
        notes.append(f"all other lines change by {change:+.2f} % of their weight")
    return tuple(notes)
