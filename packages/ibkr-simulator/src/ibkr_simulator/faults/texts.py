"""The words that go with codes, where a rule gives none.

A code comes in, IB's wording goes out. Source: TWS API message codes
(interactivebrokers.github.io/tws-api/message_codes.html) and captures of real gateways.
"""

_TEXTS = {
    100: "Max rate of messages per second has been exceeded",
    101: "Max number of tickers has been reached.",
    103: "Duplicate order id",
    105: "Order being modified does not match original order.",
    110: "The price does not conform to the minimum price variation for this contract.",
    135: "Can't find order with id",
    161: "Cancel attempted when order is not in a cancellable state.",
    162: "Historical Market Data Service error message:",
    165: "Historical Market Data Service query message:",
    200: "No security definition has been found for the request",
    201: "Order rejected - reason:",
    202: "Order Canceled - reason:",
    203: "The security is not available or allowed for this account.",
    300: "Can't find EId with tickerId",
    310: "Can't find the subscribed market depth with tickerId",
    320: "Error reading request.",
    321: "Error validating request.",
    322: "Error processing request.",
    326: "Unable to connect as the client id is already in use. Retry with a unique client id.",
    329: "Order modify failed. Cannot change to the new order type.",
    354: "Requested market data is not subscribed.",
    366: "No historical data query found for ticker id",
    399: "Order Message: Warning: your order will not be placed at the exchange until the open",
    404: "Order held while securities are located.",
    434: "The order size cannot be zero.",
    460: "No trading permissions.",
    1100: "Connectivity between IBKR and Trader Workstation has been lost.",
    1101: "Connectivity between IBKR and Trader Workstation has been restored - data lost.",
    1102: "Connectivity between IBKR and Trader Workstation has been restored - data maintained.",
    1300: "TWS socket port has been reset and this connection is being dropped."
    " Please reconnect on the new port",
    2103: "Market data farm connection is broken:usfarm",
    2104: "Market data farm connection is OK:usfarm",
    2105: "HMDS data farm connection is broken:ushmds",
    2106: "HMDS data farm connection is OK:ushmds",
    2107: "HMDS data farm connection is inactive but should be available upon demand.:ushmds",
    2108: "Market data farm connection is inactive but should be available upon demand.:usfarm",
    2109: "Order Event Warning: Attribute 'Outside Regular Trading Hours' is ignored based on the"
    " order type and destination. PlaceOrder is now being processed.",
    2110: "Connectivity between Trader Workstation and server is broken. It will be restored"
    " automatically.",
    2119: "Market data farm is connecting:usfarm",
    2157: "Sec-def data farm connection is broken:secdefil",
    2158: "Sec-def data farm connection is OK:secdefil",
    2161: "In accordance with our regulatory obligations, we have price-capped your order.",
    10089: "Requested market data requires additional subscription for API."
    " See link in 'Market Data Connections' dialog for more details.",
    10090: "Part of requested market data is not subscribed.",
    10147: "OrderId that needs to be cancelled is not found.",
    10148: "OrderId that needs to be cancelled cannot be cancelled, state: PendingCancel.",
    10167: "Requested market data is not subscribed. Displaying delayed market data.",
    10168: "Requested market data is not subscribed. Delayed market data is not enabled.",
    10186: "Requested market data is not subscribed. Delayed market data is not enabled.",
    10197: "No market data during competing live session",
    10268: "The order attribute is not supported.",
    10349: "Order TIF was set to DAY based on order preset.",
}


def text_of(code: int) -> str:
    """What a gateway says with this code, "" for a code that is not listed."""
    return _TEXTS.get(code, "")
