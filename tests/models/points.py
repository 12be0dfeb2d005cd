"""Clean data of a mixture, drawn by one generator: as many are cheap."""

import torch


def covariances_of(model):
    """Return the components' covariances, [K, d, d]."""
    c = model.covariances
    eye = torch.eye(model.means.shape[1], dtype=torch.float64)
    return c if c.ndim == 3 else c[:, None, None] * eye


def random_points(model, n, seed):
    """Return ``n`` independent draws of a Gaussian mixture, float64 [n, *shape]."""
    generator = torch.Generator().manual_seed(seed)
    k = torch.multinomial(model.weights, n, replacement=True, generator=generator)
    z = torch.randn(n, model.means.shape[1], generator=generator, dtype=torch.float64)
    factors = torch.linalg.cholesky(covariances_of(model))
    x = model.means[k] + (factors[k] @ z[:, :, None])[:, :, 0]
    return x.reshape(n, *model.shape)
