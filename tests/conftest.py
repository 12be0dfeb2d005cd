"""What holds for all tests."""

from hypothesis import settings

# The same examples on every run, and no failure because a machine is slow.
settings.register_profile("reproducible", deadline=None, derandomize=True)
settings.load_profile("reproducible")
