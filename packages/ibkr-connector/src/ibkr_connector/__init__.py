"""Interactive Brokers behind the BrokerClient interface, through ib_async."""

__version__ = "1.0.0"
