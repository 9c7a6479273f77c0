"""The `paper` section of `config.yaml`: what an account with `broker: paper` is opened with.

Names and defaults are those of the paper broker's `PaperSettings`, which the account process makes
of them; here they are only read and checked.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from broker_connector_base.values import Number, Value

from .yaml_file import YamlDocument

#: A percentage beyond it would be wider than any limit that a buy is given (5 %).
_LARGEST_FRACTION = Decimal("0.05")


class PaperConfig(Value):
    """The market and the costs of paper accounts. An account that is open is refused when anything
    here but `quotes` is not what it was opened with."""

    #: US dollars.
    initial_balance: Number = Field(default=Decimal(100_000), gt=0, le=1_000_000_000)
    #: From an order to its arrival at the exchange; a slow line to a broker takes some 300 ms.
    latency_ms: int = Field(default=50, ge=0, le=5000)
    #: How a fill is worse than the quote; `impact` goes by the quoted size.
    slippage_model: Literal["none", "fixed", "percentage", "impact"] = "percentage"
    #: US dollars a share for `fixed`, else a fraction of the price.
    slippage_value: Number = Field(default=Decimal("0.0005"), ge=0, le=10)
    #: Fraction of an order's value.
    commission_rate: Number = Field(default=Decimal("0.001"), ge=0, le=_LARGEST_FRACTION)
    #: `demo`, or the path of a scenario file, from the directory of config.yaml.
    market: str = Field(default="demo", min_length=1)
    #: `moving`, `standing`, or the path of a CSV file to replay.
    quotes: str = Field(default="moving", min_length=1)

    @model_validator(mode="after")
    def _slips_within_reason(self) -> PaperConfig:
        if self.slippage_model != "fixed" and self.slippage_value > _LARGEST_FRACTION:
            raise ValueError(
                f"slippage_value {self.slippage_value} is a fraction of the price with "
                f"slippage_model {self.slippage_model}: at most {_LARGEST_FRACTION}"
            )
        return self


_WORDS = {"market": ("demo",), "quotes": ("moving", "standing")}


def missing_files(paper: PaperConfig, document: YamlDocument, directory: Path) -> list[str]:
    """One line for each file that is named and not there."""
    problems = []
    for key, words in _WORDS.items():
        value: str = getattr(paper, key)
        if value not in words and not (directory / value).is_file():
            allowed = ", ".join((*words, "a file"))
            problems.append(document.problem(("paper", key), f"should be {allowed}, not {value!r}"))
    return problems
