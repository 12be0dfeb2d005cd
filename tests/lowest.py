"""The lowest version of each direct dependency that pyproject.toml allows, as pip's constraints.

python tests/lowest.py FILE      # see `tox run -e lowest`
"""

import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))


def lowest():
    """Return a line for each requirement, of any extra; the project's own extras aside."""
    project = PROJECT["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    own = project["name"] + "["
    lines = [line for lines in lists for line in lines if not line.startswith(own)]
    return [line.replace(">=", "==") for line in lines]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text("\n".join(lowest()) + "\n", "utf-8")
