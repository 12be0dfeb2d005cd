"""Where grids, searches and panels that ship lie; known without what it takes to read them."""

from pathlib import Path

GRIDS = Path(__file__).parents[1] / "grids"
SEARCHES = Path(__file__).parents[1] / "searches"
PANELS = Path(__file__).parents[1] / "panels"
