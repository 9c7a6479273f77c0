"""A broker session on a simulated exchange in the same process."""

__version__ = "1.0.0"

__all__ = ["__version__"]
