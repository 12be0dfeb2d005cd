"""The columns of EDM's Table 1 (sampling half), as keyword arguments of ``build``."""

from typing import Any

TABLE_1: dict[str, dict[str, Any]] = {
    "vp": {
        "solver": "euler",
        "discretization": "vp",
        "schedule": "vp",
        "scaling": "unit-variance",
    },
    "ve": {"solver": "euler", "discretization": "ve", "schedule": "ve", "scaling": "none"},
    "iddpm": {
        "solver": "euler",
        "discretization": "iddpm",
        "schedule": "linear",
        "scaling": "none",
    },
    "edm": {"solver": "heun", "discretization": "edm", "schedule": "linear", "scaling": "none"},
}
