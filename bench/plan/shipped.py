"""Where the grids and searches that ship lie; known without what it takes to read them."""

from pathlib import Path

GRIDS = Path(__file__).parents[1] / "grids"
SEARCHES = Path(__file__).parents[1] / "searches"
