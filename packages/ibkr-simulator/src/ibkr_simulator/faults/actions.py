"""The table of all faults: the name that JSON knows them by, and what they apply to.

JSON values come in and rules go out, and the other way round. A new fault is a frozen class with
its terms as fields, in one of the modules beside this one, and a row here.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple

from ibkr_simulator.codec import CodecError, Message

from .link import Announce, Outage, Restart
from .messages import (
    Delay,
    Duplicate,
    Edit,
    Late,
    Notice,
    Pacing,
    Reject,
    Reorder,
    Swallow,
)
from .rules import MODIFY_ORDER, BadRule, Direction, FaultRule, build, terms
from .trading import CancelOrder, Correct, FillAfterCancel, Partial, Stale, Unconfirmed
from .wire import Corrupt, Drop, Merge, Split


class Row(NamedTuple):
    """One kind of fault."""

    kind: type[Any]
    #: the direction it makes sense in; None for both
    direction: Direction | None = None
    #: the messages it makes sense with, the first of which is meant by a rule that names none
    messages: tuple[str, ...] = ()
    #: whether it is of the whole gateway: it gets that instead of a message, and needs none
    of_gateway: bool = False


_REQUEST, _REPLY = Direction.REQUEST, Direction.REPLY

ACTIONS: Mapping[str, Row] = {
    "announce": Row(Announce, of_gateway=True),
    "cancel": Row(CancelOrder, messages=("placeOrder", MODIFY_ORDER)),
    "correct": Row(Correct, messages=("execDetails",)),
    "corrupt": Row(Corrupt, _REPLY),
    "delay": Row(Delay),
    "drop": Row(Drop),
    "duplicate": Row(Duplicate),
    "edit": Row(Edit),
    "fill_after_cancel": Row(FillAfterCancel, messages=("cancelOrder",)),
    "late": Row(Late),
    "merge": Row(Merge, _REPLY),
    "notice": Row(Notice),
    "outage": Row(Outage, of_gateway=True),
    "pacing": Row(Pacing, _REQUEST),
    "partial": Row(Partial, messages=("placeOrder", MODIFY_ORDER)),
    "reject": Row(Reject, _REQUEST),
    "reorder": Row(Reorder),
    "restart": Row(Restart, of_gateway=True),
    "split": Row(Split, _REPLY),
    "stale": Row(Stale, of_gateway=True),
    "swallow": Row(Swallow),
    "unconfirmed": Row(Unconfirmed, messages=("placeOrder",)),
}
_NAMES = {row.kind: name for name, row in ACTIONS.items()}
_MATCH = {term.name for term in fields(FaultRule)} - {"action"}


def name_of(action: Any) -> str:
    """The action's name. Raises `BadRule` for what is none."""
    if type(action) not in _NAMES:
        raise BadRule(f"{action!r} is no action; there are {', '.join(sorted(ACTIONS))}")
    return _NAMES[type(action)]


def completed(rule: FaultRule) -> FaultRule:
    """The rule with the message or direction that its action implies.

    Raises `BadRule` when the action makes no sense with what the rule matches.
    """
    name = name_of(rule.action)
    row = ACTIONS[name]
    if row.messages and not rule.message:
        rule = replace(rule, message=row.messages[0])
    if row.messages and rule.message not in row.messages:
        raise BadRule(f"{name} applies to {' and '.join(row.messages)}, not to {rule.message}")
    if row.direction not in (None, rule.direction):
        raise BadRule(f"{name} applies to a {row.direction}, which the rule has to name")
    if rule.direction is None and not row.of_gateway:
        raise BadRule(f"{name} needs a message or a direction")
    if isinstance(rule.action, Edit):
        _check_edit(rule, rule.action)
    return rule


def _check_edit(rule: FaultRule, edit: Edit) -> None:
    """Whether a message that the rule names can have these fields. Raises `BadRule`."""
    if not rule.message or rule.direction is None:
        return
    message = "placeOrder" if rule.message == MODIFY_ORDER else rule.message
    try:
        edit.changes(rule.direction, Message(message, {}))
    except (CodecError, TypeError) as error:
        # TypeError: a value where the message has a list.
        raise BadRule(f"edit: {error}") from None


def rule_from_json(given: Mapping[str, Any]) -> FaultRule:
    """A rule from JSON values. Raises `BadRule`."""
    name = given.get("action")
    row = ACTIONS.get(str(name))
    if row is None:
        raise BadRule(f"there is no action {name!r}; there are {', '.join(sorted(ACTIONS))}")
    own = {term.name for term in fields(row.kind)}
    # A corruption draws from the same seed as the rule that it belongs to.
    match = {key: value for key, value in given.items() if key in _MATCH and key not in own}
    action = {key: value for key, value in given.items() if key in own}
    if unknown := given.keys() - match.keys() - action.keys() - {"action"}:
        raise BadRule(f"{name} has no {', '.join(sorted(unknown))}")
    found: FaultRule = build(FaultRule, match, action=build(row.kind, action))
    return found


def rule_to_json(rule: FaultRule) -> dict[str, Any]:
    """The rule as JSON values, its defaults left out."""
    return {"action": name_of(rule.action), **terms(rule, "action"), **terms(rule.action)}
