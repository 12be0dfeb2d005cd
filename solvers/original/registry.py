"""The authors' samplers, by name."""

from solvers.original.adaptive import ADAPTIVE_VE, ADAPTIVE_VP
from solvers.original.churned import CHURNED
from solvers.original.ddim import DDIM
from solvers.original.ddpm import DDPM
from solvers.original.song import SONG_VE, SONG_VP
from solvers.original.whole import Original

ORIGINALS: dict[str, Original] = {
    "song-vp": SONG_VP,
    "song-ve": SONG_VE,
    "adaptive-vp": ADAPTIVE_VP,
    "adaptive-ve": ADAPTIVE_VE,
    "ddim": DDIM,
    "ddpm": DDPM,
    "churned": CHURNED,
}
