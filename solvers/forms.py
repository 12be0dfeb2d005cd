"""What the parts of a sampler may be in a file of one's own, or in another package."""

from sampler_bench.kit.forms import Forms

ONE_STEP, WITH_MEMORY, WHOLE = "one step", "with memory", "whole"
ROUNDING, MAKER = "a rounding function", "a maker of a path"
_MAKERS = "sampler_bench.solvers.own"

SOLVER = Forms(
    row=f"{_MAKERS}:solver",
    functions={
        ONE_STEP: ("flow", "x", "t", "t_next"),
        WITH_MEMORY: ("flow", "z", "step", "past"),
        WHOLE: ("denoiser", "x", "sigmas", "noise"),
    },
    bases=("Rule", "Solver"),
)
PATH = Forms(
    row=f"{_MAKERS}:path",
    functions={
        "a function": ("grid", "schedule"),
        ROUNDING: ("grid", "schedule", "round_sigma"),
        MAKER: (),
    },
    bases=("Path",),
)
SCHEDULE = Forms(row=f"{_MAKERS}:schedule", bases=("Schedule",))
SCALING = Forms(
    row=f"{_MAKERS}:scaling",
    functions={"a function": ("schedule",)},
    bases=("Schedule",),
    keywords=False,
)
DISCRETIZATION = Forms(
    row=f"{_MAKERS}:discretization",
    functions={"a function": ("n", "sigma_min", "sigma_max")},
)
