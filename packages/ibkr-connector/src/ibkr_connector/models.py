"""Values of this connector alone."""

from __future__ import annotations

from broker_connector_base import ContractPrice
from broker_connector_base.values import UtcTime, Value


class CachedPrice(Value):
    """A quote and the moment it was taken, by which its age is judged."""

    price: ContractPrice
    cached_at: UtcTime
