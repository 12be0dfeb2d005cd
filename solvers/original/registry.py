"""The authors' samplers, by name."""

from sampler_bench.solvers.original.adaptive import ADAPTIVE_VE, ADAPTIVE_VP
from sampler_bench.solvers.original.churned import CHURNED
from sampler_bench.solvers.original.ddim import DDIM
from sampler_bench.solvers.original.ddpm import DDPM
from sampler_bench.solvers.original.song import SONG_VE, SONG_VP
from sampler_bench.solvers.original.whole import Original

ORIGINALS: dict[str, Original] = {
    "song-vp": SONG_VP,
    "song-ve": SONG_VE,
    "adaptive-vp": ADAPTIVE_VP,
    "adaptive-ve": ADAPTIVE_VE,
    "ddim": DDIM,
    "ddpm": DDPM,
    "churned": CHURNED,
}
