"""What can go wrong at a broker, split by the caller's next move.

- `BrokerConnectionError`: nothing was sent; trying again is safe.
- `BrokerAPIError`: the broker answered no; trying the same again gives the same answer.
- `OrderOutcomeUnknown`: something was sent and its fate is not known; reconcile, never resend.

Callers choose by class and by `code`, never by message text.
"""

from __future__ import annotations


class BrokerError(Exception):
    """Base of everything a connector raises on purpose."""


class BrokerConnectionError(BrokerError):
    """The broker could not be reached or the session ended; the call in question sent nothing."""


class ClientIdInUse(BrokerConnectionError):
    """Another session holds this client id; it ends by itself or must be closed by its owner."""


class BrokerAPIError(BrokerError):
    """The broker understood the request and refused it.

    `code` is the broker's own number as text, or None when the refusal is the connector's.
    """

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class AccountNotFound(BrokerAPIError):
    """The account is not among the accounts of this login; the message lists those that are."""


class AccountDataError(BrokerAPIError):
    """The broker's picture of the account is missing, zero or contradicts itself."""


class UnknownSymbol(BrokerAPIError):
    """No instrument, or more than one, answers to the symbol."""


class MarketDataError(BrokerAPIError):
    """No usable quote: not subscribed, a competing session, or nothing arrived in time."""


class OrderExecutionError(BrokerAPIError):
    """The broker refused this order, this change or this cancellation; see `code`."""


class OrderOutcomeUnknown(BrokerError):
    """An order was handed to the transport and no answer decides its fate.

    It may be working, filled or lost. Look it up by `client_order_id` before anything else is sent.
    With its `order_id` it can be cancelled unseen; None when it was given none.
    """

    def __init__(self, message: str, *, client_order_id: str, order_id: str | None = None) -> None:
        super().__init__(message)
        self.client_order_id = client_order_id
        self.order_id = order_id
