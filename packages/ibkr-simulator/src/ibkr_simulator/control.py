"""The control port: how programs on this machine hold, watch and steer a running gateway.

One JSON object a line comes in, one goes out: `{"ok": true, ...}` or `{"ok": false, "error": ...}`.
A lease lasts as long as the connection that asked for it, which the kernel closes however its
process ends. A client's orders are its own business; the one order here is that of a person at the
broker's own screen.

Operations: `lease`, `status`, `save`, `stop`, and `quote`, which changes what it names of one
instrument's quote: `{"op": "quote", "symbol": "SPY", "bid": 600.1, "ask": null, "halted": 1}`, or,
with `"kind": "delayed"` (or `live`, `none`), what clients may see of it. `fault` sets a rule, whose
terms stand beside the operation: `{"op": "fault", "action": "swallow", "message": "placeOrder"}`;
`faults` lists the rules, `clear` takes back all of them or the one of a `number`. `order` trades by
hand: `{"op": "order", "account": "DU1", "symbol": "SPY", "side": "BUY", "quantity": 5}`, with a
`limit` or at the market. `shortable`, with `"shortable": false`, lets short sales of a symbol wait
until shares are found, which `true` says. `active`, with the `perm_id` of a live order and
`"active": false`, lets the broker hold it back ("Inactive"); `true` lets it go on.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, fields, replace
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from simulated_exchange import ExchangeError, OrderRequest, OrderType, Quote, QuoteKind, Side

from .gateway import SimulatedGateway

_LOG = logging.getLogger(__name__)
_QUOTE_FIELDS = {field.name for field in fields(Quote)} - {"at"}
#: fields of a quote that are always there; the others may be null
_NUMBERS = {"bid_size", "ask_size", "last_size", "volume", "halted"}

Answer = dict[str, Any]


class BadRequest(ValueError):
    """A request that cannot be served; its text goes to whoever asked."""


class ControlServer:
    """Listens on the loopback interface; an async context.

    `save` writes the state. `stop` ends the process, and is called here as well: on request and,
    with `exit_when_unused`, when the last lease is given back, or none was taken within
    `first_lease_within` seconds (long enough for whoever started the process to connect).
    """

    def __init__(
        self,
        gateway: SimulatedGateway,
        *,
        port: int,
        save: Callable[[], Awaitable[None]],
        stop: Callable[[], None],
        exit_when_unused: bool,
        first_lease_within: float = 10.0,
    ) -> None:
        self._gateway = gateway
        self._port = port
        self._save = save
        self._stop = stop
        self._exit_when_unused = exit_when_unused
        self._first_lease_within = first_lease_within
        self._leases: set[asyncio.StreamWriter] = set()
        #: the open connections and who serves them
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self._stopping = False
        self._operations: dict[str, Callable[[Mapping[str, Any]], Awaitable[Answer]]] = {
            "status": self._status,
            "save": self._save_now,
            "quote": self._quote,
            "fault": self._fault,
            "faults": self._faults,
            "clear": self._clear,
            "order": self._order,
            "shortable": self._shortable,
            "active": self._active,
            "stop": self._stop_now,
        }

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        if self._exit_when_unused:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(self._first_lease_within, self._end_if_unused)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping = True
        if self._exit_when_unused:
            self._patience.cancel()
        self._server.close()
        serving = [task for task in self._connections.values() if task is not None]
        for writer in self._connections:
            writer.close()
        await asyncio.gather(*serving)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections[writer] = asyncio.current_task()
        try:
            while line := await reader.readline():
                answer = await self._answer(line, writer)
                writer.write(json.dumps(answer, default=str).encode() + b"\n")
                await writer.drain()
        except (ValueError, ConnectionError) as error:
            # ValueError: a line longer than the reader takes.
            _LOG.warning("control connection closed error=%s", error)
        finally:
            del self._connections[writer]
            self._give_back(writer)
            writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> Answer:
        try:
            request = json.loads(line, parse_float=Decimal)
            if not isinstance(request, dict):
                raise BadRequest("a request is a JSON object")
            name = request.get("op")
            if name == "lease":
                return self._lease(writer)
            operation = self._operations.get(str(name))
            if operation is None:
                known = ", ".join(sorted({*self._operations, "lease"}))
                raise BadRequest(f"there is no operation {name!r}; there are {known}")
            return {"ok": True, **await operation(request)}
        except (ValueError, OSError, ArithmeticError, ExchangeError) as error:
            return {"ok": False, "error": str(error)}

    # --- leases -----------------------------------------------------------------------------

    def _lease(self, writer: asyncio.StreamWriter) -> Answer:
        if self._stopping:
            raise BadRequest("the gateway is stopping; start another")
        self._leases.add(writer)
        gateway = self._gateway
        accounts = list(gateway.desk.account_ids)
        return {"ok": True, "host": gateway.host, "port": gateway.port, "accounts": accounts}

    def _give_back(self, writer: asyncio.StreamWriter) -> None:
        if writer in self._leases:
            self._leases.discard(writer)
            if self._exit_when_unused:
                self._end_if_unused()

    def _end_if_unused(self) -> None:
        if not self._leases and not self._stopping:
            self._end("nobody uses the gateway")

    def _end(self, why: str) -> None:
        _LOG.info("stopping reason=%s", why)
        self._stopping = True
        self._stop()

    # --- operations -------------------------------------------------------------------------

    async def _status(self, request: Mapping[str, Any]) -> Answer:
        gateway = self._gateway
        return {
            "host": gateway.host,
            "port": gateway.port,
            "accounts": list(gateway.desk.account_ids),
            "clients": sorted(gateway.sessions),
            "leases": len(self._leases),
            "unknown_messages": dict(gateway.unknown_messages),
            **asdict(gateway.statistics),
        }

    async def _save_now(self, request: Mapping[str, Any]) -> Answer:
        await self._save()
        return {}

    async def _stop_now(self, request: Mapping[str, Any]) -> Answer:
        self._end("asked to")
        return {}

    async def _fault(self, request: Mapping[str, Any]) -> Answer:
        rule = {name: value for name, value in request.items() if name != "op"}
        return {"number": self._gateway.faults.add(rule)}

    async def _faults(self, request: Mapping[str, Any]) -> Answer:
        return {"faults": self._gateway.faults.listed()}

    async def _clear(self, request: Mapping[str, Any]) -> Answer:
        self._gateway.faults.clear(request.get("number"))
        return {}

    async def _order(self, request: Mapping[str, Any]) -> Answer:
        placed = self._gateway.desk.exchange.submit(_order_request(request, self._instrument))
        await self._save()
        return {"perm_id": placed.order_id, "status": placed.status}

    async def _shortable(self, request: Mapping[str, Any]) -> Answer:
        if not isinstance(request.get("shortable"), bool):
            raise BadRequest("shortable has to be true or false")
        con_id = self._instrument(request)
        self._gateway.desk.exchange.set_shortable(con_id, request["shortable"])
        await self._save()
        return {}

    async def _active(self, request: Mapping[str, Any]) -> Answer:
        perm_id, active = request.get("perm_id"), request.get("active")
        if not isinstance(active, bool) or type(perm_id) is not int:
            raise BadRequest("active has to be true or false, for the perm_id of an order")
        order = self._gateway.desk.exchange.set_active(perm_id, active)
        await self._save()
        return {"status": order.status}

    async def _quote(self, request: Mapping[str, Any]) -> Answer:
        exchange = self._gateway.desk.exchange
        con_id = self._instrument(request)
        changes = {name: request[name] for name in _QUOTE_FIELDS & request.keys()}
        if unknown := request.keys() - _QUOTE_FIELDS - {"op", "symbol", "con_id", "kind"}:
            raise BadRequest(f"a quote has no {', '.join(sorted(unknown))}")
        numbers: dict[str, Any] = {name: _number(name, value) for name, value in changes.items()}
        if "kind" in request:
            exchange.set_quote_kind(QuoteKind(request["kind"]), con_id)
        if numbers:
            exchange.set_quote(con_id, replace(exchange.quote(con_id), **numbers, at=None))
        await self._save()
        return {"quote": asdict(exchange.quote(con_id))}

    def _instrument(self, request: Mapping[str, Any]) -> int:
        """The con_id of the one instrument that a request names."""
        found = self._gateway.desk.exchange.find_instruments(
            symbol=request.get("symbol", ""), con_id=request.get("con_id")
        )
        if len(found) != 1 or not request.keys() & {"symbol", "con_id"}:
            raise BadRequest(f"the request names {len(found)} instruments, it has to name one")
        return found[0].con_id


def _order_request(
    request: Mapping[str, Any], instrument: Callable[[Mapping[str, Any]], int]
) -> OrderRequest:
    """A market order, or one with a limit, that no client of the API has placed."""
    known = {"op", "account", "symbol", "con_id", "side", "quantity", "limit"}
    if unknown := request.keys() - known:
        raise BadRequest(f"an order has no {', '.join(sorted(unknown))}")
    limit = _number("limit", request.get("limit"))
    return OrderRequest(
        account_id=str(request.get("account")),
        con_id=instrument(request),
        side=Side(str(request.get("side"))),
        quantity=Decimal(_number("quantity", request.get("quantity")) or 0),
        order_type=OrderType.MKT if limit is None else OrderType.LMT,
        limit_price=None if limit is None else Decimal(limit),
    )


def _number(name: str, value: Any) -> Decimal | int | None:
    """A quote's number as the exchange has it. Raises `BadRequest` for what is none."""
    if value is None and name not in _NUMBERS:
        return None
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise BadRequest(f"{name} has to be a number, not {value!r}")
    number = Decimal(value)
    if not number.is_finite():
        raise BadRequest(f"{name} has to be finite, not {value!r}")
    return int(number) if name == "halted" else number
