"""What a reader must know to read a figure right."""

import math

import pandas as pd

# σ at the ends of VP's own time range, t = 1e-3 and t = 1, with β_d = 19.9 and β_min = 0.1
# (EDM, Table 1): σ(t) = sqrt(exp(β_d t²/2 + β_min t) − 1).
_ENDS = ["sampler.sigma_min", "sampler.sigma_max"]
_VP_OWN = tuple(math.sqrt(math.expm1(19.9 / 2 * t**2 + 0.1 * t)) for t in (1e-3, 1.0))


def for_figure(records: pd.DataFrame) -> str:
    """The notes that belong under a figure of these records; "" if there are none."""
    return "; ".join(vp_refits(records))


def vp_refits(records: pd.DataFrame) -> list[str]:
    """Say for which σ ranges the betas of VP were fitted anew, as EDM's code does."""
    if not {"sampler.schedule", *_ENDS} <= set(records.columns):
        return []
    is_vp = records["sampler.schedule"] == "vp"
    if "sampler.discretization" in records:
        is_vp |= records["sampler.discretization"] == "vp"
    vp = records[is_vp]
    ranges = vp[_ENDS].drop_duplicates().sort_values(_ENDS)
    return [
        f"β of VP refitted to σ from {low:g} to {high:g}"
        for low, high in ranges.itertuples(index=False)
        if not (_near(low, _VP_OWN[0]) and _near(high, _VP_OWN[1]))
    ]


def _near(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-3)
