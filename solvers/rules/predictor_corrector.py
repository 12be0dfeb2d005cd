"""Predictor–corrector rules that mend a fall with the next step's evaluation: UniPC, SA-Solver."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from sampler_bench.kit.parameters import require
from sampler_bench.solvers.moments import add_differences, first_order, weights
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Blind, OnNoise
from sampler_bench.solvers.rules.exponential import End, Form, Frame, allowed_order, value
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Evaluation, Step


@dataclass(frozen=True)
class Fallen:
    """What a corrector has to know of the last fall.

    Attributes:
        frame: How it measured.
        first: The evaluation it began with.
        before: Older evaluations that it may use, with their u, the nearest first.
        weights: c_j of those that the predictor used, the nearest first.
        order: The order of the predictor.
        gain: How often the path counts the change.
        most: How many evaluations the corrector may interpolate, as the order falls at the end.
    """

    frame: Frame
    first: Evaluation
    before: Sequence[tuple[float, Evaluation]]
    weights: Sequence[float]
    order: int
    gain: float
    most: int


@dataclass(frozen=True, kw_only=True)
class PredictorCorrector(Blind):
    """Exponential Adams–Bashforth, mended by Adams–Moulton once D is known at the end of the step.

    The evaluation that mends a step is the one that begins the next: N evaluations for N steps, and
    the last step is not mended. What was evaluated stays as it is; the change is added to z, so
    noise that was drawn in between stays, too.

    Attributes:
        k: Order of the predictor, 1 to 4; started by 1, 2, … k. With the corrector: k + 1.
        form: ``"data"`` or ``"noise"``.
        half: At the two places where one number decides, UniP-2 and UniC-1, the moment of u is half
            of B(h): ``"bh1"``: B = R; ``"bh2"``: B = m_0; or ``"exact"``. Elsewhere all are one.
        corrector: How many evaluations the corrector interpolates, the step's own and the new one
            included; 0 for as many as the predictor, and the new one; ``None`` for no corrector.
        again: Whether D is evaluated again after the correction (PECE): 2N − 1 evaluations.
        end: How the order falls at the end.
        unmended: Numbers of steps that are not mended, from 0 (diffusers' ``disable_corrector``).
    """

    k: int = 2
    form: Form = "data"
    half: Literal["bh1", "bh2", "exact"] = "bh2"
    corrector: int | None = 0
    again: bool = False
    end: End = "falls"
    unmended: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        require(1 <= self.k <= 4, "k", self.k, "1 to 4")

    @property
    def on_noise(self) -> OnNoise:
        """Its order is kept by D, which noise does not shake; ε it does."""
        return "keeps" if self.form == "data" else "first"

    @property
    def order(self) -> int | None:
        """The order it claims: the predictor's, as its authors do, or a smaller corrector's."""
        return min(self.k, self.corrector or self.k)

    @property
    def memory(self) -> int:
        """One evaluation more than the predictor uses: the corrector begins where it began."""
        return max(self.k, self.corrector or 0)

    def correct(self, process: Process, z: Tensor, at: Point, past: Past) -> Tensor:
        """Return ``z`` with the last fall mended by an evaluation here."""
        fallen = past.note
        past.note = None
        if not isinstance(fallen, Fallen) or self.corrector is None or not fallen.frame.is_curved:
            return z
        if at.sigma == fallen.frame.here.sigma:  # back at where the fall began: repeated churn
            return z
        new = Evaluation(at, z, process.denoise(z, at))
        mended = z.clone()
        scale = fallen.gain * at.s
        first = value(self.form, fallen.first)
        c, used = self._corrector(fallen, new)
        add_differences(mended, scale, c, [value(self.form, one) for one in used], first)
        before = [value(self.form, one) for _, one in fallen.before[: len(fallen.weights)]]
        add_differences(mended, -scale, fallen.weights, before, first)
        past.append(Evaluation(at, mended, process.denoise(mended, at)) if self.again else new)
        past.note = mended  # what the newest evaluation is of, or was mended by
        return mended

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        if past.note is not z:
            past.evaluate(process, z, step.here)
        first = past[-1]
        made = self._first_order(z, first, step)
        frame = Frame.of(self.form, step)
        order = allowed_order(self.k, self.end, step)
        before = frame.usable(past[:-1], self.memory - 1) if frame.is_curved else []
        used = before[: order - 1]
        c = weights([u for u, _ in used], self._moments(frame, len(used))) if used else []
        most = allowed_order(self.memory, self.end, step) + 1
        fallen = Fallen(frame, first, before, c, len(used) + 1, step.gain, most)
        past.note = None if step.i in self.unmended else fallen
        values = [value(self.form, one) for _, one in used]
        return add_differences(made, step.down.s, c, values, value(self.form, first))

    def _first_order(self, z: Tensor, first: Evaluation, step: Step) -> Tensor:
        """Return a fall with constant D, or with constant ε.

        The two are one where ``z`` is what was evaluated; a mended ``z`` is not.
        """
        if self.form == "data" or first.z is z:
            return first_order(z, first.D, step.here, step.down)
        fall = step.down.s * (step.down.sigma - step.here.sigma)
        return ((step.down.s / step.here.s) * z).add_(first.eps, alpha=fall)

    def _corrector(
        self, fallen: Fallen, new: Evaluation
    ) -> tuple[Sequence[float], Sequence[Evaluation]]:
        """Return the corrector's weights and evaluations, its own the reference of all."""
        wanted = min(self.corrector or fallen.order + 1, fallen.most)
        if wanted == 1:  # D is constant, and that of the end: backward Euler
            return fallen.frame.moments(0), [new]
        older = fallen.before[: wanted - 2]
        nodes = [fallen.frame.node(new.at), *(u for u, _ in older)]
        c = weights(nodes, self._moments(fallen.frame, len(nodes)))
        return c, [new, *(one for _, one in older)]

    def _moments(self, frame: Frame, k: int) -> Sequence[float]:
        m = frame.moments(k)
        if k == 1 and self.half != "exact":
            return [m[0] / 2 if self.half == "bh2" else frame.unit * frame.R / 2]
        return m[1:]

    def finish(self, process: Process, z: Tensor, at: Point, past: Past) -> Tensor:
        """Return D at the last level, which a second evaluation there already is."""
        z = self.correct(process, z, at, past)
        return past[-1].D if past and past[-1].z is z else process.denoise(z, at)

    def evaluations(self, n: int, to_zero: bool) -> int:
        """Return n, or 2n − 1 with a second evaluation."""
        return 2 * n - 1 if self.again and self.corrector is not None else n

    def evaluations_on(self, steps: Sequence[Step], denoise: bool, schedule: Schedule) -> int:
        """Return those of the steps; for D at the end the last fall is mended, too: one more."""
        curved = Frame.of(self.form, steps[-1]).is_curved
        mends = denoise and self.corrector is not None and curved
        return super().evaluations_on(steps, denoise, schedule) + mends
