"""The two-phase rebalance that all brokers share, its allocation sources and its run journal."""

__version__ = "1.0.0"
