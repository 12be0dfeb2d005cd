"""A sampler: the sampling half of EDM's Table 1, put together from named parts."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from sampler_bench.kit import own_files
from sampler_bench.kit.file_parameters import File
from sampler_bench.kit.own_files import shown
from sampler_bench.kit.parameters import keywords
from sampler_bench.solvers.any_sampler import AnySampler, Misdeclared
from sampler_bench.solvers.churn import Churn
from sampler_bench.solvers.context import Context
from sampler_bench.solvers.declared import Declared, added, numbers, part, settings
from sampler_bench.solvers.denoiser import Denoiser, Plain, complete
from sampler_bench.solvers.departures import clamped, without_length
from sampler_bench.solvers.discretizations import Misshapen
from sampler_bench.solvers.incompatible import Incompatible
from sampler_bench.solvers.listed import Listed
from sampler_bench.solvers.noise import Noise, no_noise
from sampler_bench.solvers.options import Options
from sampler_bench.solvers.paths.path import Path
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import NOT_FROM_NOISE, Process, refuse, scaled
from sampler_bench.solvers.registry import (
    DISCRETIZATIONS,
    PATHS,
    SCALINGS,
    SCHEDULES,
    SOLVERS,
)
from sampler_bench.solvers.route import Route
from sampler_bench.solvers.schedules import Linear, Schedule

if TYPE_CHECKING:
    from sampler_bench.solvers.solver import Solver

_SHIPPED = __name__.removesuffix("sampler")
CHURN_FIELDS = tuple(f.name for f in fields(Churn))


@dataclass(frozen=True)
class Sampler(AnySampler):
    """Solver × discretization × schedule × scaling × path. Make one with :func:`solvers.build`.

    Attributes:
        solver, discretization, schedule, scaling: Names in the registries.
        parameters: The parts' own parameters, e.g. ``{"rho": 7.0}``; all of them.
        churn: Algorithm 2's four numbers.
        steps: Number of steps N; ``None`` for solvers that choose their own.
        sigma_min, sigma_max: The σ range asked for; ``None`` means the discretization's own. Both
            are clamped to the range the denoiser supports.
        end: ``"zero"``: the last step goes to σ = 0; ``"sigma-min"``: sampling stops at σ_min;
            ``"denoise"``: there, with D as the sample.
        path: A name in ``PATHS``; empty for the solver's own path, or churn.
        listed: The levels themselves, which then replace discretization, steps and σ range.
        options: What is no part of any of them.
    """

    solver: str
    discretization: str
    schedule: str
    scaling: str
    parameters: Mapping[str, Any]
    churn: Churn = field(default_factory=Churn)
    steps: int | None = None
    sigma_min: float | None = None
    sigma_max: float | None = None
    end: str = "zero"
    path: str = ""
    listed: Listed | None = None
    options: Options = field(default_factory=Options)

    @property
    def deterministic(self) -> bool:
        """Whether latents alone decide the samples."""
        return not (self.configured_path().draws or self.configured_solver().stochastic)

    @property
    def can_churn(self) -> bool:
        """Whether Algorithm 2's churn may be added."""
        route = base_path(self.solver, self.path)
        churns = route is None or "S_churn" in keywords(route)
        row = SOLVERS[self.solver]
        return row.takes_steps and row.walks and churns

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the path makes of what the solver claims."""
        return self.configured_solver().remarks(self.configured_path())

    def departures(self, denoiser: Denoiser) -> tuple[str, ...]:
        """Return in words where the σ range, or the number of steps, is not as asked."""
        asked = () if self.listed is None else self.listed.levels
        levels = () if self.steps is None else self.levels(denoiser).tolist()
        found = clamped((self.sigma_min, self.sigma_max), self.sigma_range(denoiser))
        return (*found, *without_length(levels, asked))

    @property
    def files(self) -> dict[str, str]:
        """The SHA-256 of each of a user's own files that it is made of, by path."""
        parts = [self.solver, self.discretization, self.schedule, self.scaling, self.path]
        parts += [value for value in self.parameters.values() if isinstance(value, str)]
        found = {path: digest for part in parts for path, digest in own_files.files(part).items()}
        given = (value for value in self.parameters.values() if isinstance(value, File))
        return found | {str(file): file.digest for file in given}

    @property
    def group(self) -> int | None:
        """How many consecutive samples the solver couples; ``None`` if it couples none."""
        return self.configured_solver().couples

    def with_steps(self, steps: int) -> "Sampler":
        """Return the same with another number of steps."""
        return replace(self, steps=steps)

    def sigma_range(self, denoiser: Denoiser) -> tuple[float, float]:
        """Return (σ_min, σ_max) as sampled with this denoiser.

        Raises:
            ValueError: If nothing is left between them.
        """
        if self.listed is not None:
            return self._listed_range(self.listed.levels, denoiser)
        own = DISCRETIZATIONS[self.discretization]
        lowest, highest = own.usual_range(complete(denoiser).own_levels)
        low = max(_given(self.sigma_min, lowest), denoiser.sigma_min)
        high = _given(self.sigma_max, highest)
        if self.sigma_max is None and own.from_noise and complete(denoiser).from_noise:
            high = math.inf if self._has_noise_alone else high
        self._check_start(high, denoiser)
        high = min(high, denoiser.sigma_max)
        if not 0 < low < high:
            raise ValueError(
                f"sigma_min = {low:g} and sigma_max = {high:g} are not a range: "
                "0 < sigma_min < sigma_max is needed (after clamping to what the model supports, "
                f"[{denoiser.sigma_min:g}, {denoiser.sigma_max:g}])"
            )
        return low, high

    @property
    def _has_noise_alone(self) -> bool:
        """Whether its schedule has a level σ = ∞, whatever the range it is fitted to."""
        return self._fitted(1.0, 2.0).reaches_infinity

    def _check_start(self, high: float, denoiser: Denoiser) -> None:
        """Raise Incompatible where sampling would start at σ = ∞ and something cannot."""
        if high != math.inf:
            return
        if not self._has_noise_alone:
            named = f"schedule {self.schedule!r} with scaling {self.scaling!r}"
            raise Incompatible(f"sigma_max = inf: {named} has no level of noise alone")
        if not complete(denoiser).from_noise:
            raise Incompatible(NOT_FROM_NOISE)
        path = self.configured_path()
        stuck = [] if self.configured_solver().from_infinity else [self.solver]
        if path.draws and not path.from_infinity:
            stuck.append(f"path {self.path or type(path).__name__}")
        if stuck:
            raise Incompatible(
                f"{stuck[0]} cannot step away from t = 1, where σ = ∞: give sigma_max"
            )

    def _listed_range(self, levels: tuple[float, ...], denoiser: Denoiser) -> tuple[float, float]:
        low, high = levels[-1], levels[0]
        self._check_start(high, denoiser)
        if low < denoiser.sigma_min * (1 - 1e-6) or high > denoiser.sigma_max * (1 + 1e-6):
            raise Incompatible(
                f"levels from {high:g} to {low:g}: the model supports "
                f"[{denoiser.sigma_min:g}, {denoiser.sigma_max:g}]"
            )
        return low, high

    def levels(self, denoiser: Denoiser) -> Tensor:
        """Return the noise levels from the first to the last, float64 [steps + 1].

        ``round_sigma`` is applied before σ⁻¹, as in EDM's released code.

        Raises:
            ValueError: If the numbers given make no levels that fall within the σ range.
        """
        if self.listed is None:
            levels = self._made_levels(denoiser)
        else:
            self.sigma_range(denoiser)
            levels = torch.tensor(self.listed.levels, dtype=torch.float64)
        levels = denoiser.round_sigma(levels)
        last = torch.zeros(1 if self.end == "zero" else 0, dtype=levels.dtype)
        return torch.cat([levels, last])

    def _made_levels(self, denoiser: Denoiser) -> Tensor:
        low, high = self.sigma_range(denoiser)
        solver, steps = self._planned()
        count = 2 if steps is None else steps + (self.end != "zero")
        row = DISCRETIZATIONS[self.discretization]
        own, to_zero = complete(denoiser).own_levels, self.end == "zero"
        context = Context(self.schedule_for(denoiser), own, solver, to_zero)
        try:
            levels = row.made(count, low, high, context, **self._own(row.defaults()))
        except Misshapen as error:
            raise ValueError(f"discretization {shown(self.discretization)!r} {error}") from None
        in_range = (levels > low * (1 - 1e-6)) & (levels <= high * (1 + 1e-6))
        if not (in_range.all() and (levels.diff() <= 0).all()):
            raise ValueError(
                f"discretization {shown(self.discretization)!r} makes no levels that fall from "
                f"sigma_max = {high:g} to sigma_min = {low:g}{self._given_parameters()}"
            )
        return levels

    def schedule_for(self, denoiser: Denoiser) -> Schedule:
        """Return σ(t) and s(t), fit to the σ range sampled with this denoiser."""
        return self._fitted(*self.sigma_range(denoiser))

    def _fitted(self, low: float, high: float) -> Schedule:
        fit = SCHEDULES[self.schedule].fit
        schedule = fit(low, high, **self._own(keywords(fit)))
        return SCALINGS[self.scaling](schedule)

    def __call__(self, denoiser: Denoiser, latents: Tensor, noise: Noise = no_noise) -> Tensor:
        """Sample.

        Args:
            denoiser: D(x; σ).
            latents: Standard normal [B, *shape]; the state starts at s(t₀)·σ(t₀) times them.
            noise: Source of the churn's noise, e.g. the ``SeedNoise`` the latents came from.

        Returns:
            Samples in data space (unscaled), float64 [B, *shape].
        """
        schedule = self.schedule_for(denoiser)
        route = self.route(denoiser, schedule)
        complete(denoiser).begin(len(latents))
        dtype = self.options.dtype

        def draw(z: Tensor, high: Point, low: Point) -> Tensor:
            return noise(z).to(dtype)

        process = Process(self.options.wrap(scaled(denoiser)), schedule, draw)
        z = latents.to(dtype) * self.options.first_scale(route.grid[0])
        z = self.configured_solver().sample(process, z, route)
        scale = 1.0 if route.denoise else route.grid[-1].s
        return (z if scale == 1 else z / scale).to(torch.float64)

    def route(self, denoiser: Denoiser, schedule: Schedule) -> Route:
        """Return the levels, and the path through them, as sampled with this denoiser."""

        def round_sigma(sigma: float) -> float:
            return float(denoiser.round_sigma(torch.tensor(sigma, dtype=torch.float64)))

        grid = [schedule.level(sigma) for sigma in self.levels(denoiser).tolist()]
        return Route(grid, self.configured_path(), round_sigma, self.end == "denoise")

    def evaluations(self, denoiser: Denoiser) -> int | None:
        """Return the evaluations per sample; ``None`` where they depend on the samples.

        Raises:
            Misdeclared: If a solver of a user's own says what is no number; one line.
        """
        schedule = self.schedule_for(denoiser)
        route = self.route(denoiser, schedule)
        steps = list(route.steps(schedule))
        try:
            said = self.configured_solver().evaluations_on(steps, route.denoise, schedule)
        except (Exception, SystemExit) as error:
            if not self.files:
                raise
            raise Misdeclared(f"its number of evaluations: {own_files.told(error)}") from error
        if said is None:
            return None
        if not isinstance(said, int) or said < 1:
            raise Misdeclared(
                f"says it makes {said!r} evaluations per sample: a whole number above 0 is needed"
            )
        return said - self.options.spares

    def declared(self, denoiser: Denoiser) -> Declared:
        """Return every number and name that decides the samples: see :class:`Declared`."""
        low, high = self.sigma_range(denoiser)
        parts = {
            "rule": self._rule_declared(),
            "grid": self._grid_declared(low, high),
            "path": self._path_declared(),
            **(self.flow_declared() if self._sees_flow else {}),
            "options": numbers(self.options.in_key()),
        }
        told = {"sampler": settings(self._settings(low, high))}
        return Declared({name: own for name, own in parts.items() if own}, told)

    def _rule_declared(self) -> dict[str, Any]:
        neutral = SOLVERS[self.solver].defaults()
        return part(self.solver, self._own(neutral), neutral)

    def _grid_declared(self, low: float, high: float) -> dict[str, Any]:
        """Return the numbers of the grid, all of them: they are few."""
        end = {} if self.end == "zero" else {"end": self.end}
        if self.listed is not None:
            return {"levels": list(self.listed.levels), **end}
        neutral = DISCRETIZATIONS[self.discretization].defaults()
        steps = {} if self.steps is None else {"steps": self.steps}
        ends = {"sigma_min": low, "sigma_max": high, **steps, **end}
        return {**part(self.discretization, self._own(neutral), added(neutral)), **ends}

    def _path_declared(self) -> dict[str, Any]:
        """Return the path, unless it is the flow, by whatever name."""
        make = base_path(self.solver, self.path)
        if _is_flow(self.configured_path()):
            return {}
        if make is None:
            told = {name: getattr(self.churn, name) for name in CHURN_FIELDS}
            return part("churn", told, keywords(Churn))
        neutral = keywords(make)
        churned = {k: getattr(self.churn, k) for k in neutral if k in CHURN_FIELDS}
        return part(self.path or _name_of(make), churned | self._own(own_fields(make)), neutral)

    def flow_declared(self) -> dict[str, Any]:
        """Return σ(t) and s(t) as parts of a key."""
        neutral = keywords(SCHEDULES[self.schedule].fit)
        plain = self.scaling == "none"
        return {
            "schedule": part(self.schedule, self._own(neutral), added(neutral)),
            **({} if plain else {"scaling": part(self.scaling, {}, {})}),
        }

    @property
    def _sees_flow(self) -> bool:
        """Whether σ(t) and s(t) decide more than how samples are rounded."""
        solver, path = self.configured_solver(), self.configured_path()
        makes_levels = self.listed is None
        return (
            solver.sees_schedule
            or solver.sees_scaling
            or (path.sees_schedule and not _is_flow(path))
            or (makes_levels and DISCRETIZATIONS[self.discretization].sees_schedule)
            or self.options.sees_scaling
        )

    def _settings(self, low: float, high: float) -> dict[str, Any]:
        """Return the arguments of ``build`` that make it again, resolved."""
        if self.listed is not None:
            made: dict[str, Any] = {"levels": list(self.listed.levels)}
        else:
            made = {"discretization": self.discretization, "sigma_min": low, "sigma_max": high}
        path = {"path": self.path} if self.path else {}
        return {
            "solver": self.solver,
            **made,
            "schedule": self.schedule,
            "scaling": self.scaling,
            "steps": self.steps,
            "end": self.end,
            **{name: getattr(self.churn, name) for name in CHURN_FIELDS},
            **path,
            **self.parameters,
            **self.options.in_key(),
        }

    def check(self) -> None:
        """Raise the ValueError that a number out of range would cause, before anything runs.

        The solver takes a trial step on a single number, as steps check their own parameters.
        """
        trivial = Trivial()
        self._try(trivial)
        if self.listed is not None and self._planned()[1] != self.steps:
            raise Incompatible(f"{shown(self.solver)} plans its own steps: leave out 'levels'")
        if self.listed is None and DISCRETIZATIONS[self.discretization].needs_levels:
            return  # it is no model's yet
        try:
            levels, schedule = self.levels(trivial).tolist(), self.schedule_for(trivial)
            returned = [schedule.sigma(schedule.level(sigma).t) for sigma in levels]
            exact = np.allclose(returned, levels, rtol=1e-6, atol=0)
        except (OverflowError, ZeroDivisionError):
            exact = False
        if not exact:
            low, high = self.sigma_range(trivial)
            raise ValueError(
                f"double precision cannot represent sigma_max = {high:g} to sigma_min = {low:g} "
                f"under schedule {shown(self.schedule)!r}{self._given_parameters()}"
            )

    def _try(self, trivial: Denoiser) -> None:
        grid = [Linear().level(2.0), Linear().level(1.0)]
        solver = self.configured_solver()
        may_draw = solver.stochastic or not solver.walks
        process = Process(scaled(trivial), Linear(), _zeros if may_draw else refuse)
        z = torch.ones(1, 1, 8, 8, dtype=torch.float64)  # shaped as what most rules are made for
        solver.sample(process, z, Route(grid, Churn()))

    def _fit(self, denoiser: Denoiser) -> int | None:
        return self.evaluations(denoiser)  # by all steps of its path

    def _given_parameters(self) -> str:
        given = ", ".join(f"{name} = {value}" for name, value in self.parameters.items())
        return f" with {given}" if given else ""

    def _own(self, names: Iterable[str]) -> dict[str, Any]:
        return {name: self.parameters[name] for name in names}

    def configured_path(self) -> Path:
        """Return the path, with this sampler's parameters."""
        make = base_path(self.solver, self.path)
        if make is None:
            return self.churn
        shared = [name for name in keywords(make) if name in CHURN_FIELDS]
        given = self._own(own_fields(make))
        return make(**given, **{name: getattr(self.churn, name) for name in shared})

    def configured_solver(self) -> "Solver":
        """Return the solver, with this sampler's parameters."""
        return self._planned()[0]

    def _planned(self) -> tuple["Solver", int | None]:
        """Return the solver as it takes the steps asked for, and how many the grid then has."""
        solver = SOLVERS[self.solver]
        solver = solver.configured(self._own(solver.defaults()))
        return (solver, None) if self.steps is None else solver.planned(self.steps)


def base_path(solver: str, path: str) -> Callable[..., Path] | None:
    """Return what makes the path of a name, or a solver's own; ``None`` for churn."""
    return PATHS[path] if path else SOLVERS[solver].own_path


def own_fields(path: Callable[..., Path] | None) -> dict[str, Any]:
    """Return a path's parameters that churn has not, and their values."""
    told = {} if path is None else keywords(path)
    return {name: value for name, value in told.items() if name not in CHURN_FIELDS}


@cache
def _name_of(make: Callable[..., Path]) -> str:
    """Return the name that a solver's own path has in the registry."""
    return next((name for name in PATHS if PATHS[name] is make), make.__name__)


def _is_flow(path: Path) -> bool:
    """Whether a path is the probability flow: one that ships, without noise.

    One of a user's own may go through levels of its own where it adds no noise, too.
    """
    return not path.draws and type(path).__module__.startswith(_SHIPPED)


def _given(value: float | None, default: float) -> float:
    return default if value is None else value


def _zeros(z: Tensor, high: Point, low: Point) -> Tensor:
    return torch.zeros_like(z)


class Trivial(Plain):
    """A denoiser without limits, to try numbers out before there is a model."""

    shape: tuple[int, ...] = ()
    sigma_min = 0.0
    sigma_max = math.inf
    from_noise = True

    def __call__(self, x: Tensor, sigma: Tensor, /) -> Tensor:
        """Return x as it is."""
        return x
