"""The field's samplers by the names it knows: each a rule, and the path that belongs to it.

The corrected form has the plain name; what libraries ship instead is a parameter's value,
``"released"``. Keyword-only arguments are what a grid may set.
"""

from typing import Annotated, Literal

from pydantic import Field

from sampler_bench.kit.parameters import Count, Fraction, NotNegative, Positive
from sampler_bench.solvers.dpm_adaptive import DPMAdaptive
from sampler_bench.solvers.paths.er_sde import ERSDE
from sampler_bench.solvers.paths.stochastic import SDE, Ancestral
from sampler_bench.solvers.paths.tau import TauSDE
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.rules.adams import IPNDM, LMS
from sampler_bench.solvers.rules.deis import DEIS
from sampler_bench.solvers.rules.exponential import End, Form, Multistep
from sampler_bench.solvers.rules.gradient import Gradient
from sampler_bench.solvers.rules.ipndm_v import IPNDMv
from sampler_bench.solvers.rules.planned import Planned
from sampler_bench.solvers.rules.pndm import PNDM
from sampler_bench.solvers.rules.predictor_corrector import PredictorCorrector
from sampler_bench.solvers.rules.runge_kutta import Butcher
from sampler_bench.solvers.rules.singlestep import DPMppSDE, Singlestep
from sampler_bench.solvers.rules.tables import CASH_KARP, EES_25, EES_27, SSP_54
from sampler_bench.solvers.rules.taylor import Taylor
from sampler_bench.solvers.solver import Solver, named
from sampler_bench.solvers.step_control import PID, Control, Proportional

Share = Annotated[float, Field(gt=0, le=1)]
Orders = Annotated[int, Field(ge=1, le=4)]
Third = Literal["exact", "released"]
Half = Literal["bh1", "bh2", "exact"]
Kind = Literal["dpmsolver", "taylor"]
THIRDS = (1 / 3, 2 / 3)


@named(same_as="dpm-solver-2")
def dpm_2(*, r: Share = 0.5) -> Rule:
    """DPM-Solver-2, k-diffusion's DPM2: order 2, an inner evaluation of ε at r in ln σ."""
    return Singlestep(k=2, form="noise", r=(r,))


@named
def dpm_solver_1() -> Rule:
    """DPM-Solver-1, which is DDIM: order 1 in ln σ, exact where D is constant."""
    return Singlestep(k=1, form="noise")


@named
def dpm_solver_2(*, r: Share = 0.5, solver_type: Kind = "dpmsolver") -> Rule:
    """DPM-Solver-2, singlestep (Lu et al. 2022): order 2, ε in ln σ."""
    return Singlestep(k=2, form="noise", r=(r,), solver_type=solver_type)


@named
def dpm_solver_3(*, solver_type: Kind = "dpmsolver") -> Rule:
    """DPM-Solver-3, singlestep (Lu et al. 2022): order 3, ε in ln σ."""
    return Singlestep(k=3, form="noise", r=THIRDS, solver_type=solver_type)


@named
def dpmpp_2s(*, r: Share = 0.5, solver_type: Kind = "dpmsolver") -> Rule:
    """DPM-Solver++(2S): order 2, singlestep, D in ln σ."""
    return Singlestep(k=2, form="data", r=(r,), solver_type=solver_type)


@named
def dpmpp_3s(*, solver_type: Kind = "dpmsolver") -> Rule:
    """DPM-Solver++(3S): order 3, singlestep, D in ln σ."""
    return Singlestep(k=3, form="data", r=THIRDS, solver_type=solver_type)


@named
def dpmpp_2m(*, second: Literal["midpoint", "exact"] = "midpoint", lowered: End = "zero") -> Rule:
    """DPM-Solver++(2M) as k-diffusion has it: order 2, one evaluation a step."""
    return Multistep(k=2, second=second, end=lowered)


@named
def dpmpp_3m(*, third: Third = "exact", lowered: End = "zero") -> Rule:
    """DPM-Solver++(3M), corrected: order 3; "released", as six libraries ship it, it is 2."""
    return Multistep(k=3, third=third, end=lowered)


@named
def dpmpp_3m_released(*, lowered: End = "zero") -> Rule:
    """DPM-Solver++(3M) as six libraries ship it: of order 2, by a factor of 2 that is missing."""
    return Multistep(k=3, third="released", end=lowered)


@named
def res_2m(*, lowered: End = "zero") -> Rule:
    """RES multistep of order 2 (Zhang et al. 2023): DPM-Solver++(2M) with exact moments."""
    return Multistep(k=2, end=lowered)


@named(path=SDE)
def dpmpp_2m_sde(*, second: Literal["midpoint", "exact"] = "midpoint") -> Rule:
    """SDE-DPM-Solver++(2M) on the reverse SDE, path "sde": weakly of order 2."""
    return Multistep(k=2, second=second)


@named(path=SDE)
def dpmpp_3m_sde(*, third: Third = "exact") -> Rule:
    """SDE-DPM-Solver++(3M) on the reverse SDE, path "sde"; k-diffusion's third is "released"."""
    return Multistep(k=3, third=third)


@named(path=SDE)
def dpmpp_3m_sde_released() -> Rule:
    """SDE-DPM-Solver++(3M) as k-diffusion and others ship it, path "sde": of order 2."""
    return Multistep(k=3, third="released")


@named(path=Ancestral, on_noise="first")
def dpmpp_sde(*, r: Share = 0.5) -> Rule:
    """DPM-Solver++ (SDE), k-diffusion's: an inner stage with its own noise; weakly of order 1."""
    return DPMppSDE(r=r)


@named
def dpm_fast(*, form: Form = "noise", most: Annotated[int, Field(ge=1, le=3)] = 3) -> Rule:
    """DPM-Solver-fast (Lu et al. 2022): orders 3, 3, …, 2, 1, planned so that N is the NFE."""
    return Planned(form=form, most=most)


@named
def dpm_adaptive(
    *,
    k: Annotated[int, Field(ge=2, le=3)] = 3,
    form: Form = "noise",
    rtol: Positive = 0.05,
    atol: Positive = 0.0078,
    h_init: Positive = 0.05,
    control: Literal["pid", "proportional"] = "pid",
    pcoeff: float = 0.0,
    icoeff: float = 1.0,
    dcoeff: float = 0.0,
    accept_safety: Fraction = 0.81,
    theta: Fraction = 0.9,
    norm: Literal["mean", "max"] = "mean",
    group: Count = 50,
    eta: NotNegative = 0.0,
) -> Solver:
    """DPM-Solver-12 or -23 with steps of its own, k-diffusion's "pid" or dpm-solver's control."""
    steps: Control = PID(p=pcoeff, i=icoeff, d=dcoeff, accept=accept_safety)
    if control == "proportional":
        steps = Proportional(theta=theta)
    return DPMAdaptive(
        k=k,
        form=form,
        rtol=rtol,
        atol=atol,
        first=h_init,
        control=steps,
        norm=norm,
        group=group,
        eta=eta,
    )


@named(on_noise="first")
def lms(*, k: Orders = 4) -> Rule:
    """Linear multistep on ε in σ, k-diffusion's LMS: order k."""
    return LMS(k=k)


@named(on_noise="first")
def ipndm(*, k: Orders = 4) -> Rule:
    """iPNDM (Zhang and Chen 2023): weights of equal steps on ε; order 2 at most."""
    return IPNDM(k=k)


@named(same_as="lms", on_noise="first")
def ipndm_v(*, k: Orders = 4, weights: Third = "exact") -> Rule:
    """iPNDM with weights of unequal steps; as diff-sampler has them: "released"."""
    return IPNDMv(k=k, weights=weights)


@named(on_noise="first")
def ipndm_v_released(*, k: Orders = 4) -> Rule:
    """iPNDM with weights of unequal steps as diff-sampler ships it: at k = 4 they do not add up."""
    return IPNDMv(k=k, weights="released")


@named(on_noise="first")
def pndm(*, start: Literal["plms", "prk"] = "plms") -> Rule:
    """PNDM (Liu et al. 2022): iPNDM-4 started by Heun ("plms") or Runge–Kutta ("prk")."""
    return PNDM(start=start)


@named(on_noise="first")
def deis(*, k: Orders = 3, integral: Third = "exact") -> Rule:
    """DEIS-tAB (Zhang and Chen 2023): Adams–Bashforth on ε in the schedule's t; order k."""
    return DEIS(k=k, integral=integral)


@named(on_noise="first")
def deis_released(*, k: Orders = 3) -> Rule:
    """DEIS-tAB as released: its weights are sums of 10,000 left ends, and not integrals."""
    return DEIS(k=k, integral="released")


@named(on_noise="first")
def gradient(*, gamma: float = 2.0) -> Rule:
    """Gradient estimation (Permenter and Yuan 2024): order 1, of order 2 at γ = 1.5 alone."""
    return Gradient(gamma=gamma)


@named
def unipc_1(*, half: Half = "bh2", form: Form = "data", lowered: End = "falls") -> Rule:
    """UniPC-1 (Zhao et al. 2023): predictor of order 1, mended by the next evaluation."""
    return PredictorCorrector(k=1, half=half, form=form, end=lowered)


@named
def unipc_2(*, half: Half = "bh2", form: Form = "data", lowered: End = "falls") -> Rule:
    """UniPC-2 (Zhao et al. 2023): predictor of order 2, mended by the next evaluation."""
    return PredictorCorrector(k=2, half=half, form=form, end=lowered)


@named
def unipc_3(*, half: Half = "bh2", form: Form = "data", lowered: End = "falls") -> Rule:
    """UniPC-3 (Zhao et al. 2023): predictor of order 3, mended by the next evaluation."""
    return PredictorCorrector(k=3, half=half, form=form, end=lowered)


@named(path=TauSDE)
def sa(
    *,
    k: Orders = 3,
    corrector: Annotated[int, Field(ge=1, le=5)] = 4,
    lowered: End = "falls",
) -> Rule:
    """SA-Solver (Xue et al. 2023): stochastic Adams, predictor and corrector, path "tau"."""
    return PredictorCorrector(k=k, corrector=corrector, half="exact", form="data", end=lowered)


@named(path=ERSDE)
def er_sde_1() -> Rule:
    """ER-SDE-Solver-1 (Cui et al. 2023): order 1, path "er-sde"."""
    return Taylor(k=1)


@named(path=ERSDE)
def er_sde_2(*, points: Annotated[int, Field(ge=0, le=100_000)] = 0) -> Rule:
    """ER-SDE-Solver-2 (Cui et al. 2023): order 2, path "er-sde"; as released points = 100."""
    return Taylor(k=2, points=points)


@named(path=ERSDE)
def er_sde_3(
    *, points: Annotated[int, Field(ge=0, le=100_000)] = 0, third: Third = "exact"
) -> Rule:
    """ER-SDE-Solver-3 (Cui et al. 2023): order 3, path "er-sde"; as released points = 100."""
    return Taylor(k=3, points=points, third=third)


@named(path=ERSDE)
def er_sde_2_released() -> Rule:
    """ER-SDE-Solver-2 as released: its integral is a sum of 100 points, which limits its order."""
    return Taylor(k=2, points=100)


@named(path=ERSDE)
def er_sde_3_released() -> Rule:
    """ER-SDE-Solver-3 as released: sums of 100 points, which limit its order."""
    return Taylor(k=3, points=100, third="released")


@named
def ees_2_5() -> Rule:
    """EES(2, 5; 1/10) (Shmelev et al. 2025): order 2 in t, three evaluations, nearly reversible."""
    return Butcher(table=EES_25, claims=2)


@named
def ees_2_7() -> Rule:
    """EES(2, 7) (Shmelev et al. 2025): order 2 in t, four evaluations, nearly reversible."""
    return Butcher(table=EES_27, claims=2)


@named
def ssp_54() -> Rule:
    """SSP(5, 4) (Spiteri and Ruuth 2002): order 4 in t, five evaluations, strong stability."""
    return Butcher(table=SSP_54, claims=4)


@named
def cash_karp() -> Rule:
    """Cash and Karp's method (1990): order 5 in t, six evaluations."""
    return Butcher(table=CASH_KARP, claims=5)
