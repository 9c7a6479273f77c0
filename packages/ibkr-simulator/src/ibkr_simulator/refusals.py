"""What a gateway refuses, as an exception with IB's error code.

Comes in: a code and IB's wording for it. Goes out: an `errMsg` that names the request or the order.
Codes and texts: TWS API message codes (interactivebrokers.github.io/tws-api/message_codes.html)
and captures of real gateways; clients decide by the code.
"""

from simulated_exchange import ExchangeError, Reason


class Refusal(Exception):
    """The request is answered with this error and nothing else; it changed nothing."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


def invalid(cause: str) -> Refusal:
    """A request that does not pass validation."""
    return Refusal(321, f"Error validating request.-'bW' : cause - {cause}")


def rejected(reason: str) -> Refusal:
    return Refusal(201, f"Order rejected - reason:{reason}")


def no_such_contract() -> Refusal:
    return Refusal(200, "No security definition has been found for the request")


def refused_by_exchange(error: ExchangeError) -> Refusal:
    """The code that a gateway uses for this reason; its text carries the exchange's numbers."""
    match error.reason:
        case Reason.OFF_TICK:
            return Refusal(
                110, "The price does not conform to the minimum price variation for this contract."
            )
        case Reason.UNKNOWN_ACCOUNT:
            return rejected("Invalid or missing IBCustAcctNo")
        case Reason.UNKNOWN_INSTRUMENT:
            return no_such_contract()
        case Reason.INSUFFICIENT_FUNDS:
            return rejected(
                "We are unable to accept your order. Your Available Funds are insufficient."
                f" {error.message}"
            )
        case Reason.NO_SHORT:
            return rejected(f"Short positions are not allowed in this account. {error.message}")
        case _:
            return rejected(error.message)
