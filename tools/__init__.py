"""Makers' scripts, not installed: how the files that ship were made.

Run one from the repository's root: ``python -m tools.NAME``.
"""

from pathlib import Path

ROOT = Path(__file__).parents[1]
