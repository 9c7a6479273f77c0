"""What packages of the service offer is listed, sorted and there."""

import pytest

import app
import app.execution
import app.service
import app.settings
import app.testing

PACKAGES = [app.execution, app.service, app.settings, app.testing]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_list_of_names_is_sorted_and_true(package: object) -> None:
    names: list[str] = package.__all__  # type: ignore[attr-defined]
    assert names == sorted(names)
    assert all(hasattr(package, name) for name in names)


def test_the_version_is_known() -> None:
    assert app.__version__ == "1.0.0"
