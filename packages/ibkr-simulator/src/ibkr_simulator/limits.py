"""How much a login may have at a time.

Numbers come in; what to do about more is the handlers' decision. A gateway without `Limits` has
none.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a real gateway allows; a number that is replaced is another customer's."""

    #: instruments that stream, all clients together; everybody has 100, who pays has more (IBKR
    #: Knowledge Base, "message stating market data is over the limit")
    market_data_lines: int = 100
    #: live orders of an account for one side of an instrument (TWS API, "Order Limitations")
    working_orders: int = 15
    #: clients (TWS API, "Connection")
    clients: int = 32
