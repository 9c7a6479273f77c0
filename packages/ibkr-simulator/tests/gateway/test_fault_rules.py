"""Rules as values and as JSON, and what cannot be meant by them."""

from pathlib import Path
from typing import Any

import pytest

from ibkr_simulator.faults import (
    ACTIONS,
    BadRule,
    Corrupt,
    Damage,
    Drop,
    Ending,
    FaultRule,
    Partial,
    Swallow,
    read_file,
    rule_from_json,
    rule_to_json,
)

RULES: list[dict[str, Any]] = [
    {"action": "swallow", "direction": "request", "message": "placeOrder"},
    {"action": "drop", "how": "half-open", "seconds": 2.5, "direction": "reply"},
    {"action": "partial", "sizes": ["3", "2.5"], "symbol": "SPY"},
    {"action": "reject", "code": 201, "text": "no", "direction": "request", "message": "reqIds"},
    {"action": "outage", "seconds": 30.0, "restored": 1101},
    {"action": "edit", "fields": {"a": 1}, "direction": "reply", "where": {"key": "x"}},
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["action"])
def test_a_rule_survives_the_way_to_json_and_back(rule: dict[str, Any]) -> None:
    read = rule_from_json(rule)
    assert rule_to_json(read) == rule
    assert rule_from_json(rule_to_json(read)) == read


def test_json_values_become_what_the_terms_are() -> None:
    rule = rule_from_json({"action": "partial", "sizes": [3, "2.5"]})
    assert isinstance(rule.action, Partial)
    assert [str(size) for size in rule.action.sizes] == ["3", "2.5"]
    rule = rule_from_json({"action": "drop", "how": "fin", "message": "placeOrder", "seconds": 1})
    assert rule.action == Drop(how=Ending.FIN, seconds=1.0)
    assert rule == FaultRule(action=Drop(how=Ending.FIN, seconds=1.0), message="placeOrder")
    rule = rule_from_json({"action": "corrupt", "how": "cut", "direction": "reply", "seed": 3})
    assert rule.action == Corrupt(how=Damage.CUT, seed=3)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({}, "no action None"),
        ({"action": "explode"}, "no action 'explode'; there are announce"),
        ({"action": "swallow", "message": "placeorder"}, "no message 'placeorder'"),
        ({"action": "swallow", "colour": "red"}, "swallow has no colour"),
        ({"action": "delay", "message": "placeOrder"}, "needs seconds"),
        ({"action": "delay", "message": "placeOrder", "seconds": "x"}, "seconds cannot be 'x'"),
        ({"action": "swallow", "message": "placeOrder", "nth": True}, "nth cannot be True"),
        ({"action": "swallow", "message": "placeOrder", "nth": 0}, "nth >= 1"),
        ({"action": "swallow", "message": "placeOrder", "probability": 2}, "probability"),
        ({"action": "swallow", "message": "placeOrder", "direction": "up"}, "cannot be 'up'"),
        ({"action": "swallow", "message": "placeOrder", "direction": "reply"}, "is a request"),
        ({"action": "partial", "sizes": ["x"]}, "sizes cannot be"),
        ({"action": "outage", "seconds": 1, "restored": 1100}, "1101 or 1102"),
        ({"action": "edit", "fields": 3, "direction": "reply"}, "fields cannot be 3"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_with_the_reason(
    rule: dict[str, Any], reason: str
) -> None:
    with pytest.raises(BadRule, match=reason):
        rule_from_json(rule)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"action": "swallow"}, "needs a message or a direction"),
        ({"action": "split", "message": "placeOrder"}, "applies to a reply"),
        ({"action": "pacing"}, "applies to a request"),
        ({"action": "correct", "message": "orderStatus"}, "applies to execDetails"),
        ({"action": "edit", "message": "tickPrice", "fields": {"prize": 1}}, "field prize"),
        ({"action": "edit", "message": "tickPrice", "fields": {"price": True}}, "field price"),
        ({"action": "edit", "message": "modifyOrder", "fields": {"lmtPrice": "x"}}, "not a number"),
        ({"action": "edit", "message": "familyCodes", "fields": {"codes": "x"}}, "edit: "),
    ],
)
async def test_a_rule_has_to_fit_its_action(world: Any, rule: dict[str, Any], reason: str) -> None:
    gateway = await world.gateway()
    with pytest.raises(BadRule, match=reason):
        gateway.faults.add(rule)
    assert gateway.faults.listed() == []


async def test_an_action_that_names_no_message_gets_the_one_it_is_about(world: Any) -> None:
    gateway = await world.gateway()
    gateway.faults.add({"action": "partial"})
    gateway.faults.add(FaultRule(action=Swallow(), message="reqIds"))
    assert [rule["message"] for rule in gateway.faults.listed()] == ["placeOrder", "reqIds"]
    with pytest.raises(BadRule, match="is no action"):
        gateway.faults.add(FaultRule(action="swallow", message="reqIds"))


def test_every_action_has_a_word_on_what_it_does() -> None:
    for name, row in ACTIONS.items():
        assert row.kind.__doc__, name
        assert not row.kind.__doc__.startswith(f"{row.kind.__name__}("), name


#: Error codes of the TWS API that a server sends, by the documentation's table of message codes.
CODES = [
    *(100, 101, 103, 105, 110, 135, 161, 162, 165, 200, 201, 202, 203, 300, 310, 320, 321, 322),
    *(326, 329, 354, 366, 399, 404, 434, 460, 1100, 1101, 1102, 1300, 2103, 2104, 2105, 2106),
    *(2107, 2108, 2109, 2110, 2119, 2157, 2158, 2161, 10089, 10090, 10147, 10148, 10167, 10168),
    *(10186, 10197, 10268, 10349),
]


@pytest.mark.parametrize("code", CODES)
async def test_a_code_comes_with_its_words(world: Any, code: int) -> None:
    gateway = await world.gateway()
    wire = await world.wire(1)
    gateway.faults.add({"action": "announce", "code": code})
    told = await wire.receive()
    assert (told.fields["code"], len(told.fields["text"]) > 10) == (code, True)


def test_a_file_holds_a_list_of_rules_alone_or_under_faults(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("- {action: swallow, message: placeOrder}\n")
    assert read_file(file) == [{"action": "swallow", "message": "placeOrder"}]
    file.write_text("faults:\n  - action: delay\n    seconds: 0.5\n    message: placeOrder\n")
    assert read_file(file) == [{"action": "delay", "seconds": 0.5, "message": "placeOrder"}]


@pytest.mark.parametrize("text", ["3", "faults: x", "- 3", "{", "\x00"])
def test_a_file_that_holds_something_else_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(text)
    with pytest.raises(BadRule, match=r"faults\.yaml"):
        read_file(file)
