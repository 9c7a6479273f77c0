"""Measurements of the product, printed as JSON; never asserted, because machines differ."""
