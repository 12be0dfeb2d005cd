"""Training: noise levels, losses, augmentation, averaging and the loop, each on its own.

EDM, Table 2: every configuration is a choice of these parts, of a network and its preconditioning.
"""

from pathlib import Path

CONFIGURATIONS = Path(__file__).with_name("configs")
"""Where those that ship lie."""
