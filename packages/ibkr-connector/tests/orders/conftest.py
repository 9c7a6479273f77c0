"""Words of a gateway about an order, said when a test wants it."""

from __future__ import annotations

from ibkr_connector.testing.tap import Fields
from ibkr_connector.testing.world import World

_PLACE = 3
_ORDER_STATUS, _ERROR = 3, 4


def placed(world: World) -> list[Fields]:
    return [fields for _, fields in world.tap.sent if fields[0] == str(_PLACE)]


def error(world: World, order_id: str, code: int, text: str = "words of the gateway") -> None:
    world.tap.say(_ERROR, 2, order_id, code, text, "")


def status(world: World, order_id: str, word: str, *, why_held: str = "") -> None:
    """An orderStatus that the gateway never sent, for an order of client 7."""
    world.tap.say(_ORDER_STATUS, order_id, word, 0, 3, 0, 1700000001, 0, 0, 7, why_held, 0)
