"""The package's surface."""

import ibkr_simulator


def test_the_package_exports_exactly_what_it_lists() -> None:
    assert ibkr_simulator.__all__ == sorted(ibkr_simulator.__all__)
    assert set(ibkr_simulator.__all__) == {
        "BadRule",
        "FaultRule",
        "Limits",
        "Recorder",
        "ReplayServer",
        "SimulatedGateway",
        "Statistics",
        "__version__",
        "read_transcript",
    }
    for name in ibkr_simulator.__all__:
        assert hasattr(ibkr_simulator, name)
