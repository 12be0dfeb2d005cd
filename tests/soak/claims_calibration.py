"""How often claims answer wrongly on galleries with a known truth, and how often they hold.

    OMP_NUM_THREADS=1 nice python -m tests.soak.claims_calibration [--draws 400] [flat curves …]

flat, curves   no effect: false holds and false fails in percent (at most 5 each)
margin         the true effect exactly at the margin (at most 5)
power          the paper's effects: holds in percent, by number of samples (at least 80 at 2,000)
shipped        the shipped records' own errors, all values equal, premises on samples, images and
               floor lifted: false holds and fails
"""

import argparse
import math
import sys
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from sampler_bench import results
from sampler_bench.reports.claims import CLAIMS, FAILS, HOLDS, answer
from sampler_bench.reports.claims.panel import panels
from sampler_bench.results.estimate import Estimate
from tests.reports.claims.gallery import EDM, Drawn, falling, gallery

ASKED = (*range(1, 8), 10, 12, *range(14, 20), 22, 23, 24)
FALSE_HOLDS = {1, 2, 3, 4, 5, 6, 10, 14, 15, 16, 17, 19, 22, 24}
"""Equality makes them untrue: no "holds". The others it makes true: no "fails"."""
FALSE_FAILS = {7, 12, 18, 23}
POWER = (*range(1, 8), 10, 12, 14, 15, 17, 19)
LIFTED = frozenset({"samples", "images", "floor"})


def counted(draw, draws, asked=ASKED, lifted=frozenset(), seed=0):
    """Answers by claim, of so many draws."""
    rng = np.random.default_rng(seed)
    found = {number: Counter() for number in asked}
    for _ in range(draws):
        own = draw(rng)
        for number in asked:
            found[number][answer(CLAIMS[number], own, lifted).answer] += 1
    return found


def false_answers(found, draws):
    """By claim: false holds and false fails in percent."""
    return {
        number: (
            100 * tally[HOLDS] / draws * (number in FALSE_HOLDS),
            100 * tally[FAILS] / draws * (number in FALSE_FAILS),
        )
        for number, tally in found.items()
    }


def at_the_margin():
    """Galleries in which one effect is exactly at its limit, by claim."""
    paper = gallery()
    found = {}
    for number, model in ((1, "fashion-vp"), (2, "fashion-ve"), (3, "fashion-adm")):
        found[number] = [_twice(one, model) for one in paper]
    found[6] = [_scaled(one, lambda o: o.row.get("solver") == "rk45") for one in _alike(paper)]
    euler = lambda o: o.row.get("solver") == "euler"  # noqa: E731
    found[7] = [_scaled(one, euler) for one in _alike(paper)]
    alpha = lambda o: o.row.get("alpha") == 1.0  # noqa: E731
    found[12] = [_scaled(one, alpha) for one in gallery("flat")]
    ve = lambda o: o.model == "table2-f-ve"  # noqa: E731
    found[23] = [_scaled(one, ve) for one in gallery("flat")]
    return found


def _alike(specs):
    """All samplers of a network have one curve."""
    return [replace(o, truth=falling(1.3, 100, 1.5)(o.nfe)) for o in specs]


def _scaled(one, which):
    return replace(one, truth=one.truth * 1.03) if which(one) else one


def _twice(one, model):
    """Of one network: the original reaches its end at exactly twice EDM's NFE, and the same end."""
    if one.model != model or one.kind != "ode" or one.row.get("solver") == "rk45":
        return one
    is_edm = {**EDM, "S_churn": 0}.items() <= one.row.items()
    original = one.row["solver"] in ("song-vp", "song-ve", "ddim")
    if not is_edm and not original:
        return one
    return replace(one, truth=falling(1.3, 100 if original else 50, 2.2)(one.nfe))


def shipped():
    """A drawer on the shipped records: every value the same, with the errors that they have."""
    root = Path(results.__file__).parent / "baselines"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        records = results.load(sorted(p for p in root.iterdir() if p.is_dir()))
    found = [panel for panel in panels(records) if panel.metric == "fid"]
    places = {}
    for panel in found:
        for point in panel.points:
            for place, left in point.value.left_out.items():
                places.setdefault(place, []).append(np.std(left) / abs(point.value.value))

    def draw(rng):
        """Noise as the jackknives of the records have it, shard by shard, in new signs."""
        signs = {place: rng.standard_normal((20, 20)) / math.sqrt(20) for place in places}
        return [
            replace(panel, points=tuple(_redrawn(point, signs) for point in panel.points))
            for panel in found
        ]

    return draw


def _redrawn(point, mixing):
    """The value 2 and an error: the record's shards, mixed anew."""
    ((place, left),) = point.value.left_out.items()
    own = (np.asarray(left) - np.mean(left)) / point.value.value
    mixed = mixing[place] @ own * math.sqrt(19 / 20) if place in mixing else own
    size = len(own)
    value = 2 * (1 + math.sqrt(size - 1) * mixed.sum() / math.sqrt(size))
    rest = value - 2 * (mixed - mixed.mean()) * math.sqrt(size / (size - 1))
    return replace(point, value=Estimate(float(value), {place: rest}))


def main(arguments=None):
    """Print a table for each part; the exit status says whether all is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "parts", nargs="*", default=["flat", "curves", "margin", "power", "shipped"]
    )
    parser.add_argument("--draws", type=int, default=400)
    given = parser.parse_args(arguments)
    wrong = [bad for part in given.parts for bad in PARTS[part](given.draws)]
    print("all within" if not wrong else f"beyond: {'; '.join(wrong)}")
    return bool(wrong)


def _equality(name, samples):
    def part(draws):
        found = false_answers(counted(Drawn(gallery(name), samples).draw, draws), draws)
        return _table(f"designed, {name}, {samples} samples, {draws} draws", found)

    return part


def _margin(draws):
    found = {}
    for number, specs in at_the_margin().items():
        tally = counted(Drawn(specs, 2000).draw, draws, (number,))[number]
        found[number] = (100 * tally[HOLDS] / draws, 100 * tally[FAILS] / draws)
    return _table(f"at the margin, 2000 samples, {draws} draws", found)


def _power(draws):
    wrong = []
    for samples in (500, 2000, 5000):
        few = max(draws // 4, 1)
        found = counted(Drawn(gallery(), samples).draw, few)
        print(f"\npower, {samples} samples, {few} draws: claim, holds %, fails %")
        for number, tally in found.items():
            holds, fails = 100 * tally[HOLDS] / few, 100 * tally[FAILS] / few
            print(f"{number:>3} {holds:6.1f} {fails:6.1f}")
            if samples == 2000 and number in POWER and holds < 80:
                wrong.append(f"{number} holds {holds:.0f} %")
    return wrong


def _shipped(draws):
    found = false_answers(counted(shipped(), draws, lifted=LIFTED), draws)
    return _table(f"shipped, premises lifted, {draws} draws", found)


def _table(title, found):
    print(f"\n{title}: claim, false holds %, false fails %")
    for number, (holds, fails) in found.items():
        print(f"{number:>3} {holds:6.1f} {fails:6.1f}", flush=True)
    return [f"{title}: {n}" for n, rates in found.items() if max(rates) > 5]


PARTS = {
    "flat": _equality("flat", 2000),
    "curves": _equality("curves", 500),
    "margin": _margin,
    "power": _power,
    "shipped": _shipped,
}

if __name__ == "__main__":
    sys.exit(main())
