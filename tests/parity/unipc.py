"""UniPC's own program: VP state, levels from its noise schedule, given by the evaluations."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sampler_bench.solvers.rules.predictor_corrector import Fallen, PredictorCorrector
from sampler_bench.solvers.schedules import Linear
from sampler_bench.solvers.step import Evaluation
from tests.parity.case import Case
from tests.parity.run import Defect, Setup


@dataclass(frozen=True, kw_only=True)
class VaryCoeff(PredictorCorrector):
    """``variant="vary_coeff"`` as released: a predictor that is right, a corrector of order 1.

    f and its differences D_j = (f_j − f_0)/u_j solve for derivatives, D = C·d with
    C_ji = u_j^(i−1)/i!; the change is Σ_i φ_i·d_i. The corrector's last sum has the new evaluation
    with a weight from the row before (uni_pc.py: ``A_c[k]`` after the loop over k), and the rows
    before leave the new evaluation out.
    """

    def _corrector(
        self, fallen: Fallen, new: Evaluation
    ) -> tuple[Sequence[float], Sequence[Evaluation]]:
        """Return its weights of f_j − f_0: the new evaluation's first."""
        older = fallen.before[: fallen.order - 1]
        nodes = np.array([*(u for u, _ in older), fallen.frame.node(new.at)])
        K = len(nodes)
        C = np.array([[u**i / math.factorial(i + 1) for i in range(K)] for u in nodes])
        A = np.linalg.inv(C)
        # ∫ u^i/i! dμ for the i-th derivative: the moments of the frame, over i!
        m = [one / math.factorial(i) for i, one in enumerate(fallen.frame.moments(K))][1:]
        others = [sum(m[i] * A[i, j] for i in range(K - 1)) / nodes[j] for j in range(K - 1)]
        own = m[K - 1] * A[max(K - 2, 0), K - 1]
        return [float(own), *map(float, others)], [new, *(one for _, one in older)]


def mapped(case: Case) -> Setup | Defect:
    """Return what ``UniPC.sample`` is here."""
    given = dict(case.args)
    end = case.given["sigma_end"]
    grid = [Linear().level(float(sigma)) for sigma in (*case.asked[: case.steps], end)]
    vary = given["variant"] == "vary_coeff"  # sound at order 1
    rule = PredictorCorrector(
        k=given["order"],
        form="data" if given["algorithm_type"] == "data_prediction" else "noise",
        half="exact" if vary else given["variant"],
        end="falls" if given.get("lower_order_final", True) else "never",
    )
    z = case.x * math.hypot(1, grid[0].sigma)
    ours = Setup(rule=rule, grid=grid, z=z, scale=1 / math.hypot(1, end))
    if not vary or rule.k == 1:
        return ours
    return Defect(
        "vary_coeff: a weight of the corrector is read from the row before: order 1",
        ours,
        replace(ours, rule=VaryCoeff(**vars(rule))),
    )
