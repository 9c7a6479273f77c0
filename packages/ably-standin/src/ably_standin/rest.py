"""The REST side: time, tokens, history and publishing.

Every reply is JSON or msgpack as `Accept` says, errors too, which are also in `X-Ably-Errorcode`.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.typedefs import Handler

from .access import Grant
from .codec import Wire, decode, encode, normalised
from .hub import Hub
from .protocol import BAD_KEY, BAD_REQUEST, MAX_PAGE_SIZE, PAGE_SIZE, UNKNOWN_PATH, Refused
from .received import Received

_MSGPACK = "application/x-msgpack"


class Rest:
    """Handlers, and the middleware that answers for all of them."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def routes(self) -> list[web.RouteDef]:
        """The paths of Ably's REST interface that are here."""
        messages = "/channels/{channel}/messages"
        return [
            web.get("/time", self._time),
            web.post("/keys/{key}/requestToken", self._request_token),
            web.get(messages, self._history),
            web.post(messages, self._publish),
        ]

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note the request, let go wrong what should, and tell errors as Ably does."""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await handler(request)
        self._note(request)
        faulty = await self._fault(request)
        if faulty is not None:
            return faulty
        try:
            return await handler(request)
        except Refused as refused:
            error = refused.error
        except web.HTTPNotFound:
            error = UNKNOWN_PATH
        headers = {"X-Ably-Errorcode": str(error.code), "X-Ably-Errormessage": error.message}
        return _reply(request, {"error": error.wire()}, status=error.status, headers=headers)

    def _note(self, request: web.Request) -> None:
        self._hub.received.add(
            Received(
                kind="request",
                name=request.method,
                channel=request.match_info.get("channel"),
                detail={"path": request.path, "query": dict(request.query)},
            )
        )

    async def _fault(self, request: web.Request) -> web.Response | None:
        fault = self._hub.faults.rest
        if fault is None or fault.path not in request.path:
            return None
        if fault.delay:
            with suppress(TimeoutError):
                async with asyncio.timeout(fault.delay):
                    await self._hub.stopping.wait()
        if fault.status is None and fault.body is None:
            return None
        body = "<html>gone wrong on purpose</html>" if fault.body is None else fault.body
        return web.Response(status=fault.status or 200, text=body, content_type="text/html")

    async def _time(self, request: web.Request) -> web.Response:
        return _reply(request, [self._hub.clock.now()])

    async def _request_token(self, request: web.Request) -> web.Response:
        body = await _body(request)
        if not isinstance(body, Mapping):
            raise Refused(BAD_REQUEST)
        details = self._hub.access.issue(request.match_info["key"], body, self._hub.clock.now())
        return _reply(request, details, status=201)

    async def _history(self, request: web.Request) -> web.Response:
        name = request.match_info["channel"]
        self._grant(request).require("history", name)
        query = dict(request.query)
        forwards = query.get("direction", "backwards") == "forwards"
        items = self._selected(name, query)
        if not forwards:
            items.reverse()
        limit = min(_number(query, "limit", PAGE_SIZE), MAX_PAGE_SIZE, self._hub.limits.page_size)
        links = [_link("first", {**query, "cursor": None}), _link("current", query)]
        if len(items) > limit:
            links.append(_link("next", {**query, "cursor": items[limit - 1]["serial"]}))
        return _reply(request, items[:limit], headers={"Link": ", ".join(links)})

    def _selected(self, name: str, query: Mapping[str, str]) -> list[Wire]:
        """What `start`, `end` (ms, inclusive), `fromSerial` and the page's cursor leave."""
        items = self._hub.channel(name).items(self._hub.oldest_kept())
        start, end = _number(query, "start", 0), _number(query, "end", 1 << 62)
        items = [item for item in items if start <= item["timestamp"] <= end]
        if "fromSerial" in query:
            # Positions are of whole frames: all their messages belong to them.
            items = [item for item in items if item["serial"] <= query["fromSerial"] + ":~"]
        cursor = query.get("cursor")
        if cursor is None:
            return items
        if query.get("direction") == "forwards":
            return [item for item in items if item["serial"] > cursor]
        return [item for item in items if item["serial"] < cursor]

    async def _publish(self, request: web.Request) -> web.Response:
        name = request.match_info["channel"]
        self._grant(request).require("publish", name)
        body = await _body(request)
        messages = body if isinstance(body, list) else [body]
        if not messages or not all(isinstance(message, dict) for message in messages):
            raise Refused(BAD_REQUEST)
        published = self._hub.accept(name, [normalised(message) for message in messages])
        serials = [item["serial"] for item in published.items()]
        reply = {"channel": name, "messageId": published.frame["id"], "serials": serials}
        return _reply(request, reply, status=201)

    def _grant(self, request: web.Request) -> Grant:
        authorization = request.headers.get("Authorization")
        if authorization is None:
            raise Refused(BAD_KEY)
        return self._hub.access.by_header(authorization, self._hub.clock.now())


async def _body(request: web.Request) -> Any:
    try:
        return decode(await request.read(), binary=request.content_type == _MSGPACK)
    except ValueError:
        raise Refused(BAD_REQUEST) from None


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name)
    if value is None:
        return default
    if not value.isdecimal():
        raise Refused(BAD_REQUEST)
    return int(value)


def _link(relation: str, query: Mapping[str, str | None]) -> str:
    """Relative, as Ably's are."""
    text = urlencode({name: value for name, value in query.items() if value is not None})
    return f'<./messages?{text}>; rel="{relation}"'


def _reply(
    request: web.Request,
    value: object,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    binary = _MSGPACK in request.headers.get("Accept", "")
    body = encode(value, binary=binary)
    return web.Response(
        body=body if isinstance(body, bytes) else body.encode(),
        status=status,
        content_type=_MSGPACK if binary else "application/json",
        headers=headers,
    )
