"""What holds for every test: readable failures in shared test kits, and Hypothesis profiles.

Profiles are `ci` (repeatable, the default), `dev` (fresh examples) and `deep`; choose with
HYPOTHESIS_PROFILE. None has a deadline: how fast a machine is today is not a property of the code.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

# Before any conftest of a package imports it.
pytest.register_assert_rewrite("broker_connector_base.testing", "rebalance_workflow.testing")

settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("dev", deadline=None)
settings.register_profile("deep", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
