"""What the rest of the service may use."""

import app.ably_service


def test_the_public_names_are_these() -> None:
    assert app.ably_service.__all__ == [
        "AblyService",
        "AblySettings",
        "AblyStatus",
        "AlertKind",
        "Connection",
        "FeedStatus",
        "Patience",
        "payload_of",
    ]
    assert all(hasattr(app.ably_service, name) for name in app.ably_service.__all__)
