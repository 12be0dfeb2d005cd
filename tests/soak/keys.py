"""All that can be changed of a sampler, one thing at a time, from every solver in every context.

    python -m tests.soak.keys                 # 45,000 changes: minutes
    python -m tests.soak.keys plain latents   # in these contexts alone

Where samples change the key does; where the key alone does, ``acts_on_nothing`` has the reason. It
fails where not, and where a reason is none: where every change for which it is given is acted on.
"""

import sys

from sampler_bench.solvers import SOLVERS
from sampler_bench.solvers.registry import ORIGINALS
from tests.solvers.acts_on_nothing import TABLE
from tests.solvers.perturbed import CONTEXTS, base, changes
from tests.solvers.test_keys import Tried


def main(*contexts: str) -> int:
    """Try them, and print what is wrong."""
    count, merged, idle, reasons = 0, [], [], set()
    for context in contexts or CONTEXTS:
        for solver in [*SOLVERS, *(ORIGINALS if context == "plain" else ())]:
            keys = base(solver, context)
            tried = Tried.of(keys, changes(keys))
            count += tried.count
            reasons |= tried.reasons
            merged += tried.merged
            idle += tried.idle
            for line in tried.wrong:
                print(f"    {context}: {line}", flush=True)
        print(f"{context}: {count:,} changes so far", flush=True)
    unmet = [] if contexts else [row.why for row in TABLE if row.why not in reasons]
    print(
        f"{count:,} changes: {len(merged)} with other samples and the same key, {len(idle)} that "
        f"act on nothing without a reason; reasons that were never met: {unmet}"
    )
    return int(bool(merged or idle or unmet))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
