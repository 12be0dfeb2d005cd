"""What planning 2,000 cells costs in time and memory: nothing of it is sampling."""

import subprocess
import sys

import pytest

SOLVERS = ["euler", "heun", "rk4", "dpmpp-2m", "dpmpp-3m", "deis", "ipndm", "dpmpp-2s"]
SOLVERS += ["unipc-2", "lms"]
STEPS = [*range(2, 27)]
GRID = f"""
name = "large"
models = ["MODEL"]
samples = 1000
extractor = "FEATURES"
[[sampler]]
solver = {SOLVERS}
discretization = ["edm", "vp", "ve", "iddpm"]
steps = {STEPS}
S_churn = [0, 10]
"""
MEASURE = """
import sys, time
import sampler_bench.bench.commands.cli
from sampler_bench.bench.plan import grid, planning

def most():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))

before, started = most(), time.process_time()
cells = planning.make(grid.read(sys.argv[1])[0]).cells
print(cells, time.process_time() - started, most() - before)
"""


@pytest.mark.parametrize(
    ("model", "features"), [("exact-mixture-8x8", "pixels"), ("table2-f-vp", "fashion")]
)
def test_planning(benchmark, model, features, tmp_path):
    """Its target is 5 s and 50 MB above the imports; both are in the benchmark's extra info."""
    if benchmark.disabled:
        pytest.skip("a measurement: --benchmark-enable")
    path = tmp_path / "grid.toml"
    path.write_text(GRID.replace("MODEL", model).replace("FEATURES", features))

    def planned():
        words = (sys.executable, "-c", MEASURE, str(path))
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    benchmark.group = "2,000 cells planned, process start included"
    cells, seconds, megabytes = map(float, benchmark.pedantic(planned, rounds=1).split())
    benchmark.extra_info.update(cells=cells, seconds=seconds, megabytes=megabytes)
    print(
        f"{model}: {cells:.0f} cells, {seconds:.1f} s of CPU and {megabytes:.0f} MB above imports"
    )
    assert cells == 2000
