"""What the package promises."""

import ably_standin


def test_the_public_names_are_these() -> None:
    assert ably_standin.__all__ == [
        "CONTROLS",
        "DEFAULT_KEY",
        "AblyStandin",
        "Limits",
        "Received",
        "ReceivedLog",
        "__version__",
        "message",
    ]
    assert all(hasattr(ably_standin, name) for name in ably_standin.__all__)
