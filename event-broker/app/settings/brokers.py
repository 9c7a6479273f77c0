"""What the settings must know of the brokers that accounts name: which there are, and which of them
needs a gateway.

Names only; whether a connector is installed is found out where one is made.
"""

from __future__ import annotations

from broker_connector_base.models import AccountConfig

#: The broker of accounts that live on this machine.
PAPER = "paper"
#: All that there is a connector for.
BROKERS = ("ibkr", PAPER)


def is_on_paper(account: AccountConfig) -> bool:
    """Whether the account is kept by the paper broker, which needs no gateway and no login."""
    return account.broker.lower() == PAPER
