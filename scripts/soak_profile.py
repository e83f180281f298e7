"""Hypothesis at full count; a pytest plugin that scripts/soak loads."""

import os

from hypothesis import settings

_EVERYDAY = 100  # Hypothesis's own default
settings.register_profile(
    "soak", max_examples=_EVERYDAY * int(os.environ["IPVSCREEN_SOAK"]), deadline=None, print_blob=True
)
