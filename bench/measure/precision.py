"""How exactly GPUs multiply."""

import torch


def full_precision() -> None:
    """Turn TF32 off: GPUs round float32 products to 10 bits by default, which moves a FID."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
