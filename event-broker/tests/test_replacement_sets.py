"""`replacement-sets.yaml`."""

from decimal import Decimal
from pathlib import Path

import pytest

from app.settings.errors import SettingsError
from app.settings.replacement_sets import ReplacementRule, read_replacement_sets

REPOSITORY = Path(__file__).resolve().parents[2]


def read(tmp_path: Path, text: str) -> dict[str, tuple[ReplacementRule, ...]]:
    path = tmp_path / "replacement-sets.yaml"
    path.write_text(text)
    return read_replacement_sets(path)


def problems(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    return caught.value.problems


def test_the_shipped_set_is_the_one_that_users_know() -> None:
    sets = read_replacement_sets(REPOSITORY / "replacement-sets.yaml")
    rules = {(rule.source, rule.target): rule.scale for rule in sets["ira"]}
    assert rules == {
        ("DBC", "PDBC"): Decimal("1.0"),
        ("UUP", "USDU"): Decimal("1.0"),
        ("VIXY", "VXX"): Decimal("1.0"),
        ("VIXM", "VXZ"): Decimal("1.0"),
        ("UVXY", "VXX"): Decimal("1.5"),
        ("SVXY", "USMV"): Decimal("1.0"),
    }


def test_an_absent_or_empty_file_has_no_sets(tmp_path: Path) -> None:
    assert read_replacement_sets(tmp_path / "replacement-sets.yaml") == {}
    assert read(tmp_path, "") == {}


def test_every_wrong_rule_is_told_with_its_line(tmp_path: Path) -> None:
    text = """\
ira:
  - {source: A, target: B, scale: 0}
  - {source: C}
  - {source: D, target: E}
  - {source: D, target: F}
other: nonsense
"""
    assert problems(tmp_path, text) == (
        "replacement-sets.yaml:2: ira[0].scale: should be greater than 0, not 0",
        "replacement-sets.yaml:3: ira[1].target: is missing",
        "replacement-sets.yaml:5: ira[3].source: D is replaced twice",
        "replacement-sets.yaml:6: other: expected a list of source, target, scale",
    )


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, "- a\n") == (
        "replacement-sets.yaml:1: expected names of sets, each with a list",
    )
