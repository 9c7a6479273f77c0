"""The names that the rest of the service may use."""

import app.market


def test_the_public_names_are_these() -> None:
    assert set(app.market.__all__) == {
        "EXCHANGE_TIME",
        "XNYS",
        "CalendarError",
        "Closure",
        "MarketCalendar",
        "Sessions",
        "Start",
        "TradingSession",
        "closed_by_broker",
        "first_start",
    }
    assert all(hasattr(app.market, name) for name in app.market.__all__)
