"""Every row that ships says the same of itself by its source and by its object."""

import subprocess
import sys

import pytest

from sampler_bench.bench.measure.registry import PROBES
from sampler_bench.solvers import DISCRETIZATIONS
from sampler_bench.solvers.schedules import VP

SAME = """
import sys
from sampler_bench.bench.features.registry import EXTRACTORS
from sampler_bench.bench.measure.registry import METRICS, PROBES
from sampler_bench.models import MODELS
from sampler_bench.solvers import DISCRETIZATIONS, ORIGINALS, PATHS, SCALINGS, SCHEDULES, SOLVERS

parts = SOLVERS, ORIGINALS, PATHS, SCALINGS, SCHEDULES, DISCRETIZATIONS, MODELS, METRICS, PROBES
registries = *parts, EXTRACTORS
read = [(registry, name, registry.described(name)) for registry in registries for name in registry]
assert "torch" not in sys.modules
for registry, name, source in read:
    assert source.summary, name
    registry[name]
    loaded = registry.described(name)
    assert (source.summary, source.defaults) == (loaded.summary, loaded.defaults), name
    for fact, value in source.facts.items():
        assert loaded.facts[fact] == value, (name, fact)
assert "torch" in sys.modules
print(len(read))
"""


def test_source_and_object_agree_and_the_source_needs_no_torch():
    ran = subprocess.run([sys.executable, "-c", SAME], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) >= 38


@pytest.mark.parametrize("name", PROBES)
def test_records_call_a_profile_by_its_name(name):
    assert PROBES[name].metric == name


def test_vps_range_is_its_schedules():
    row = DISCRETIZATIONS["vp"]
    ends = [VP().sigma(1e-3), VP().sigma(1.0)]
    assert [row.sigma_min, row.sigma_max] == pytest.approx(ends, rel=1e-14)
