"""The table of edits: which change the numbers of which cells, and which a cell's code sees.

Four cells; ``tests/bench/test_code_of.py`` holds what is seen, ``tests/soak/code_table.py`` runs
the cells with each edit, and says what is right, missed, or told though no number changed.
"""

from pathlib import Path

ROOT = Path(__file__).parents[2]

_HEAD = 'name = "code"\nsamples = 40\n'
CELLS = {
    "fid": _HEAD
    + """models = ["exact-fashion"]
metrics = ["fid"]
extractor = "fashion"
[[sampler]]
label = "Heun"
schedule = "vp"
scaling = "unit-variance"
steps = 4
""",
    "truncation": _HEAD
    + """models = ["exact-mixture-moons"]
metrics = ["truncation-error"]
truncation_samples = 20
[[sampler]]
label = "RK45"
solver = "rk45"
rtol = 1e-2
""",
    "local-error": _HEAD
    + """models = ["exact-mixture-moons"]
[[profile]]
metric = "local-error"
solver = "heun"
levels = [0.1, 1.0, 5.0]
substeps = 5
steps = 18
""",
    "network": _HEAD
    + """models = ["fashion-edm-vp"]
metrics = ["fid"]
extractor = "fashion"
[[sampler]]
label = "Churned"
S_churn = 30
steps = 3
""",
}
"""Grids of one cell each."""

_RK, _PATHS = "solvers/rules/runge_kutta.py", "solvers/churn.py"
_ALL = "fid truncation local-error network"
EDITS = {
    "rk2's weight": (_RK, "share = 1 / (2 * alpha)", "share = 1 / (3 * alpha)"),
    "rk2's docstring": (_RK, "Return a step of the second-order family", "Return a step"),
    "rk45's docstring": ("solvers/rk45.py", '(method="RK45")`` from', '(method="RK23")`` from'),
    "provenance": ("bench/run/provenance.py", "def collect(", "FORMAT = 2\n\n\ndef collect("),
    "a page": ("reports/style.py", "import ", "FORMAT = 2\nimport "),
    "rk2 with brackets": (
        _RK,
        "h = step.down.t - step.here.t\n    D = ",
        "h = (step.down.t - step.here.t)\n    D = ",
    ),
    "rk4, not used": (_RK, "(1 / 6, 1 / 3, 1 / 3, 1 / 6)", "(1 / 4, 1 / 4, 1 / 4, 1 / 4)"),
    "what rk4 claims": (_RK, "order: ClassVar[int | None] = 4", "order: ClassVar[int | None] = 3"),
    "VP.fit": ("solvers/schedules.py", "log_max - 0.5 * beta_d)", "log_max - 0.4 * beta_d)"),
    "MOST_GAMMA": (_PATHS, "MOST_GAMMA = math.sqrt(2) - 1", "MOST_GAMMA = math.sqrt(2) - 1.1"),
    "SeedNoise": ("solvers/noise.py", "normal_(generator", "normal_(0.1, generator"),
    "the flow": ("solvers/process.py", "D = self.denoiser(", "D = 0.9 * self.denoiser("),
    "quantize": ("bench/measure/samples.py", "(x * 127.5 + 128)", "(x * 127.5 + 120)"),
    "jackknife": (
        "bench/features/frechet.py",
        "return value, [_without",
        "return value, [1.1 * _without",
    ),
    "Work.seeds": (
        "bench/measure/work.py",
        "shards = self.cell.seed_start,",
        "shards = self.cell.seed_start + 1,",
    ),
    "an exact denoiser": (
        "models/exact.py",
        ".flatten(1) / 127.5 - 1\n",
        ".flatten(1) / 127.5 - 0.9\n",
    ),
    "a preconditioning": (
        "models/preconditioning.py",
        "sigma.log() / 4\n        return",
        "sigma.log() / 5\n        return",
    ),
    "true data": (
        "models/exact.py",
        "(self.means[k] + spread)",
        "(self.means[k] + 1.1 * spread)",
    ),
    "tolerance of a trajectory": (
        "bench/measure/trajectory.py",
        '"float64": 1e-9',
        '"float64": 1e-6',
    ),
    "reference of own data": (
        "bench/features/references.py",
        "return self.extractor(images()).numpy()",
        "return 1.1 * self.extractor(images()).numpy()",
    ),
    "a feature": ("bench/features/fashion_net.py", "PIXEL_MEAN = 0.2860", "PIXEL_MEAN = 0.3"),
    "Counted, same meaning": ("models/counted.py", "if not self.samples:", "if self.samples == 0:"),
    "Euler where σ = 0, same meaning": (
        _RK,
        "return prime if prime.sigma > 0 else None",
        "return None if not prime.sigma > 0 else prime",
    ),
    "heun is euler": (
        "solvers/registry.py",
        '"heun": "sampler_bench.solvers.rules.runge_kutta:Heun"',
        '"heun": "sampler_bench.solvers.rules.runge_kutta:Euler"',
    ),
    "euler is heun": (
        "solvers/registry.py",
        '"euler": "sampler_bench.solvers.rules.runge_kutta:Euler"',
        '"euler": "sampler_bench.solvers.rules.runge_kutta:Heun"',
    ),
    "a message": ("kit/names.py", "(known: ", "(there are: "),
}
"""File, text and other text, by name."""

SEEN = {
    "rk2's weight": "fid local-error network",
    "rk2 with brackets": "fid local-error network",
    "VP.fit": "fid",
    "MOST_GAMMA": _ALL,
    "SeedNoise": _ALL,
    "the flow": _ALL,
    "quantize": "fid truncation network",
    "jackknife": "fid network",
    "Work.seeds": _ALL,
    "an exact denoiser": "fid",
    "a preconditioning": "network",
    "true data": "truncation local-error",
    "tolerance of a trajectory": "fid truncation network",
    "reference of own data": "fid network",
    "a feature": "fid network",
    "Counted, same meaning": _ALL,
    "Euler where σ = 0, same meaning": "fid local-error network",
    "heun is euler": "fid local-error network",
    "euler is heun": "local-error",
}
"""The cells whose code sees an edit; of all others none does."""
