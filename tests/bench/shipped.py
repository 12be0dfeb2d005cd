"""The grids that ship: which run here, and which need what a test does not download."""

from sampler_bench.bench import grid as grids

PUBLISHED_MODELS = ("baseline-", "edm-", "ideal:")


def _of_published(name):
    declared, _ = grids.read(name)
    return any(model.startswith(PUBLISHED_MODELS) for model in declared.models)


PUBLISHED = [name for name in grids.shipped() if _of_published(name)]
HERE = [name for name in grids.shipped() if name not in PUBLISHED]
