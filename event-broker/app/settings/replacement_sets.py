"""`replacement-sets.yaml`: named lists of symbols to hold in place of others."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from pydantic import Field

from broker_connector_base.values import Positive, Value

from .errors import SettingsError
from .yaml_file import YamlDocument


class ReplacementRule(Value):
    """Hold `target` instead of `source`, at `scale` times its weight."""

    #: The symbol in the strategy.
    source: str = Field(min_length=1)
    #: The symbol to hold for it.
    target: str = Field(min_length=1)
    #: Of the weight: 1.5 holds one and a half times as much.
    scale: Positive = Decimal(1)


def read_replacement_sets(path: Path) -> dict[str, tuple[ReplacementRule, ...]]:
    """Set name -> rules in the file's order; an absent file has no sets.

    Raises `SettingsError` for unknown keys and for a source that a set replaces twice.
    """
    if not path.exists():
        return {}
    document = YamlDocument(path, missing_hint="")
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        raise SettingsError([document.problem((), "expected names of sets, each with a list")])
    sets: dict[str, tuple[ReplacementRule, ...]] = {}
    problems: list[str] = []
    for name, entries in data.items():
        if not isinstance(entries, list):
            problems.append(document.problem((name,), "expected a list of source, target, scale"))
            continue
        rules: list[ReplacementRule] = []
        for index, entry in enumerate(entries):
            try:
                rule = document.parse(ReplacementRule, entry, (name, index))
            except SettingsError as error:
                problems += error.problems
                continue
            if any(rule.source == other.source for other in rules):
                problems.append(
                    document.problem((name, index, "source"), f"{rule.source} is replaced twice")
                )
            rules.append(rule)
        sets[name] = tuple(rules)
    if problems:
        raise SettingsError(problems)
    return sets
