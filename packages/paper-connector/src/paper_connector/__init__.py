"""Paper accounts behind the BrokerClient interface: an exchange in this process, no gateway."""

from simulated_exchange.paper import PaperSettings
from simulated_exchange.slippage import SlippageModel

from .accounts import paper_broker
from .broker import PaperBroker
from .client import PaperClient
from .quotes import MovingQuotes, Quotes, QuoteTape, StandingQuotes
from .rebalancer import PaperRebalancer, paper_policy

__version__ = "1.0.0"

__all__ = [
    "MovingQuotes",
    "PaperBroker",
    "PaperClient",
    "PaperRebalancer",
    "PaperSettings",
    "QuoteTape",
    "Quotes",
    "SlippageModel",
    "StandingQuotes",
    "__version__",
    "paper_broker",
    "paper_policy",
]
