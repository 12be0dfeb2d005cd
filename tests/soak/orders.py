"""Orders of every rule by its name: with an exact past, and as shipped; run by hand.

    python -m tests.soak.orders

On a non-linear mixture from σ = 10 to 0.1, N = 32 … 512, the last slope before an error of 1e-10.
The first two columns are the rule's own, and what it claims is held by tests/solvers/test_named.py;
"as shipped" begins without a past and ends as its name has it, which costs an order or two.
"""

import math

from sampler_bench.solvers import SOLVERS
from sampler_bench.solvers.rule import Rule
from tests.solvers.loop.exact import bent, error, geometric, slope

NEVER = {"lowered": "never"}


def without_a_past(rule: Rule, grid) -> float:
    """Return the last slope of what a grid gets: no past, and the name's own end."""
    errors = []
    for n in (32, 64, 128, 256, 512):
        errors.append(error(rule, n, grid(n), exact=False))
        if errors[-1] < 1e-10:
            break
    return math.log2(errors[-2] / errors[-1])


def main() -> None:
    """Print a line a rule."""
    print(f"{'':22} claims  exact past: log, bent   as shipped: log, bent")
    for name, row in SOLVERS.items():
        if not isinstance(row, Rule):
            continue
        own = row.configured(NEVER) if "lowered" in row.defaults() else row
        found = [slope(own, grid) for grid in (geometric, bent)]
        shipped = [without_a_past(row, grid) for grid in (geometric, bent)]
        slopes = "    ".join(f"{a:8.2f} {b:6.2f}" for a, b in (found, shipped))
        print(f"{name:22} {row.order or '-':>6}  {slopes}", flush=True)


if __name__ == "__main__":
    main()
