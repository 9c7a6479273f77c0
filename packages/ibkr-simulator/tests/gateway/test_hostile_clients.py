"""Messages with the right number of fields and the wrong things in them."""

import random
from typing import Any

import pytest

from ibkr_simulator.codec import REQUEST_NAMES, Message, encode_request
from ibkr_simulator.frames import encode_frame, join_fields, split_fields

#: What a number, a name, a time or a list may turn out to be.
NASTY = (
    "",
    "0",
    "1",
    "-1",
    "5",
    "756733",
    "SPY",
    "SMART",
    "STK",
    "BUY",
    "SELL",
    "MKT",
    "LMT",
    "GTC",
    "IOC",
    "1e300",
    "1e-300",
    "nan",
    "Infinite",
    "0.001",
    "2147483647",
    "-2147483648",
    "1.7976931348623157E308",
    "DU1",
    "All",
    "$LEDGER:ALL,$LEDGER:,NetLiquidation",
    "20261120 10:00:00",
    "20261120-10:00:00",
    "20261120 10:00:00 US",
    "20261120 10:00:00 ../../etc",
    "é\ud7ff",
    "x" * 300,
    "?",
    "A:B=C;",
)
ORDER = {"conId": 756733, "exchange": "SMART", "action": "BUY", "totalQuantity": 1}


def message(rng: random.Random, number: int) -> bytes:
    """A request of any kind, mostly orders, with up to three of its fields replaced."""
    name = rng.choice([*REQUEST_NAMES, *["placeOrder"] * 20])
    base: dict[str, Any] = {}
    if name == "placeOrder":
        base = {**ORDER, "orderId": number, "orderType": "LMT", "lmtPrice": rng.randrange(1, 700)}
    fields = split_fields(encode_request(Message(name, base), 178))
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        # The first two stay: a message of another kind, or an order id that uses up all others.
        if len(fields) > 2:
            fields[rng.randrange(2, len(fields))] = rng.choice(NASTY)
    return encode_frame(join_fields(fields))


@pytest.mark.parametrize("seed", range(4))
async def test_no_message_ends_the_session_or_upsets_the_books(world: Any, seed: int) -> None:
    world.expects_unknown = True
    gateway = await world.gateway()
    other, wire = await world.client(1), await world.wire(2)
    rng = random.Random(seed)
    for number in range(1, 801):
        wire.write(message(rng, number))
        if number % 40 == 0:
            wire.send("reqCurrentTime")
            await wire.receive_until("currentTime")
    assert sorted(gateway.sessions) == [1, 2]
    await world.settle(other)
    assert len(world.exchange.completed_orders()) > 20
