"""Rules: which message is hit, and by which fault.

JSON values, or the arguments of a `FaultRule`, come in; a frozen rule goes out, or a `BadRule` that
says what does not fit. Nothing happens here.

A rule as JSON is flat: the terms of the match and of the action beside the action's name, all of
them optional: `{"action": "reject", "code": 201, "message": "placeOrder", "symbol": "SPY"}`.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from ibkr_simulator.codec import REPLY_NAMES, REQUEST_NAMES

#: How a rule names a placeOrder that changes an order which is still working.
MODIFY_ORDER = "modifyOrder"


class BadRule(ValueError):
    """A rule that cannot be meant; nothing was set."""


class Direction(StrEnum):
    #: from a client to the gateway
    REQUEST = "request"
    #: from the gateway to a client
    REPLY = "reply"


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultRule:
    """Do `action` to the messages that fit every term given; empty terms fit everything.

    It takes effect at the `nth` message that fits and at `times` messages from there on (0: all of
    them), each with `probability`, drawn in the same order for the same `seed`. With neither a
    message nor a direction it takes effect once, as it is set.
    """

    #: a value of one of the kinds in the table of actions
    action: Any
    client_id: int | None = None
    direction: Direction | None = None
    #: a name from the tables of messages, or `modifyOrder`
    message: str = ""
    symbol: str = ""
    #: the client's number of the order
    order_id: int | None = None
    order_ref: str = ""
    #: values that other fields of the message must have
    where: Mapping[str, Any] = field(default_factory=dict)
    nth: int = 1
    times: int = 1
    probability: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.message and self.message not in (*REQUEST_NAMES, *REPLY_NAMES, MODIFY_ORDER):
            raise BadRule(f"there is no message {self.message!r}")
        if self.nth < 1 or self.times < 0 or not 0 <= self.probability <= 1:
            raise BadRule("a rule needs nth >= 1, times >= 0 and a probability from 0 to 1")
        if self.message:
            own = Direction.REPLY if self.message in REPLY_NAMES else Direction.REQUEST
            if self.direction not in (None, own):
                raise BadRule(f"{self.message} is a {own}, not a {self.direction}")
            object.__setattr__(self, "direction", own)


def build(kind: type[Any], given: Mapping[str, Any], **more: Any) -> Any:
    """A frozen value of this kind from JSON values. Raises `BadRule`."""
    hints = get_type_hints(kind)
    values = {name: _convert(name, hints[name], value) for name, value in given.items()}
    needed = {term.name for term in fields(kind) if _is_required(term)}
    if missing := needed - values.keys() - more.keys():
        raise BadRule(f"it needs {', '.join(sorted(missing))}")
    return kind(**values, **more)


def terms(value: Any, *leave_out: str) -> dict[str, Any]:
    """What differs from the defaults, as JSON values."""
    found = {}
    for term in fields(value):
        given = getattr(value, term.name)
        if term.name not in leave_out and given != _default(term):
            found[term.name] = _plain(given)
    return found


def read_file(path: Path) -> list[Mapping[str, Any]]:
    """The rules of a YAML file: a list, or a mapping with the list under `faults`.

    Raises `BadRule` for anything else, `OSError` if the file cannot be read.
    """
    import yaml  # only a file of faults needs it

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadRule(f"{path} is not YAML: {error}") from None
    listed = content.get("faults") if isinstance(content, dict) else content
    if not isinstance(listed, list) or not all(isinstance(rule, dict) for rule in listed):
        raise BadRule(f"{path} should hold a list of rules, or one under `faults`")
    return listed


def _is_required(term: Field[Any]) -> bool:
    return term.default is MISSING and term.default_factory is MISSING


def _default(term: Field[Any]) -> Any:
    return term.default_factory() if term.default_factory is not MISSING else term.default


def _convert(name: str, hint: Any, value: Any) -> Any:
    """A JSON value as the term has it: numbers are taken for each other, texts for decimals."""
    choices = get_args(hint) if get_origin(hint) is UnionType else (hint,)
    if value is None and type(None) in choices:
        return None
    kind = choices[0]
    try:
        if kind is Decimal and not isinstance(value, bool):
            return Decimal(str(value))
        if kind is float and isinstance(value, int | float | Decimal):
            return float(value)
        if get_origin(kind) is tuple and isinstance(value, list):
            return tuple(_convert(name, get_args(kind)[0], item) for item in value)
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return kind(value)
    except (ValueError, InvalidOperation):
        raise BadRule(f"{name} cannot be {value!r}") from None
    plain = dict if get_origin(kind) is not None else kind
    if not isinstance(value, plain) or (isinstance(value, bool) and plain is not bool):
        raise BadRule(f"{name} cannot be {value!r}")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return str(value) if isinstance(value, Decimal | StrEnum) else value
