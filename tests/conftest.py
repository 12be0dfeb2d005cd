"""What holds for all tests."""

import os

from hypothesis import settings

# As the command line does, and before PyTorch is imported: see bench.cli.main.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

# The same examples on every run, and no failure because a machine is slow.
settings.register_profile("reproducible", deadline=None, derandomize=True)
settings.load_profile("reproducible")
