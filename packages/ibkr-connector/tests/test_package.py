"""The package's surface."""

from __future__ import annotations

import ibkr_connector


def test_the_surface_is_sorted_and_complete() -> None:
    names = ibkr_connector.__all__
    assert sorted(names) == sorted(set(names))
    assert all(hasattr(ibkr_connector, name) for name in names)
    assert {"IBKRClient", "CachedPrice", "ContractCache", "__version__"} <= set(names)
