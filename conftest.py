"""Hypothesis profiles for every test: `ci` (repeatable, the default), `dev` (fresh examples) and
`deep`.

Choose with HYPOTHESIS_PROFILE. No profile has a deadline: how fast a machine is today is not a
property of the code.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("dev", deadline=None)
settings.register_profile("deep", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
