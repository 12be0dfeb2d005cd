"""Statistics of real images that ship: what the networks of the zoo are judged by.

Made by ``python -m tools.fashion_statistics``; the README beside them says of what.
"""

from pathlib import Path

SHIPPED = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.npz"))}
