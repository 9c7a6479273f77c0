"""The rebalancing service: configuration, account processes and the command line."""

__version__ = "1.0.0"
