"""The words that go with codes, where a rule gives none.

A code comes in, IB's wording goes out. Source: TWS API message codes
(interactivebrokers.github.io/tws-api/message_codes.html) and captures of real gateways.
"""

_TEXTS = {
    161: "Cancel attempted when order is not in a cancellable state.",
    201: "Order rejected - reason:",
    202: "Order Canceled - reason:",
    354: "Requested market data is not subscribed.",
    399: "Order Message: Warning: your order will not be placed at the exchange until the open",
    404: "Order held while securities are located.",
    1100: "Connectivity between IBKR and Trader Workstation has been lost.",
    1101: "Connectivity between IBKR and Trader Workstation has been restored - data lost.",
    1102: "Connectivity between IBKR and Trader Workstation has been restored - data maintained.",
    2103: "Market data farm connection is broken:usfarm",
    2104: "Market data farm connection is OK:usfarm",
    2105: "HMDS data farm connection is broken:ushmds",
    2106: "HMDS data farm connection is OK:ushmds",
    2109: "Order Event Warning: Attribute 'Outside Regular Trading Hours' is ignored based on the"
    " order type and destination. PlaceOrder is now being processed.",
    2110: "Connectivity between Trader Workstation and server is broken. It will be restored"
    " automatically.",
    2161: "In accordance with our regulatory obligations, we have price-capped your order.",
    10147: "OrderId that needs to be cancelled is not found.",
    10148: "OrderId that needs to be cancelled cannot be cancelled, state: PendingCancel.",
    10167: "Requested market data is not subscribed. Displaying delayed market data.",
    10197: "No market data during competing live session",
    10349: "Order TIF was set to DAY based on order preset.",
}


def text_of(code: int) -> str:
    """What a gateway says with this code, "" for a code that is not listed."""
    return _TEXTS.get(code, "")
