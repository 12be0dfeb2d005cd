"""iDDPM's table of noise levels: what its networks were trained at, and its samplers step through.

It is here and not in two places because networks and time steps have to agree to the last digit.
"""

import math
from functools import cache

import torch
from torch import Tensor


@cache
def iddpm_levels(
    M: int = 1000, C_1: float = 0.001, C_2: float = 0.008, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Return iDDPM's noise levels u_0 > … > u_M = 0, [M + 1] (EDM, Table 1 and C.3.4).

    ᾱ_j is computed in float32, one j at a time, as in EDM's released code: its tables, and so its
    imported networks, carry that rounding (u_999 = 0.006422, where float64 gives 0.006425). The
    recursion runs in float64 for time steps, in float32 inside networks. Its square root is
    Python's, rounded correctly everywhere; PyTorch's is one place off on some processors.
    """

    def alpha_bar(j: int) -> Tensor:
        return (0.5 * math.pi * torch.tensor(j) / M / (C_2 + 1)).to(torch.float32).sin() ** 2

    u = torch.zeros(M + 1, dtype=dtype)
    for j in range(M, 0, -1):
        ratio = (alpha_bar(j - 1) / alpha_bar(j)).clip(min=C_1)
        u[j - 1] = math.sqrt((u[j] ** 2 + 1) / ratio - 1)
    return u
