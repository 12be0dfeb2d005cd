"""Matplotlib, imported whatever backend the environment names: figures here need none.

A notebook hands its own on to all that is started there, where it need not be installed.
"""

import contextlib

from sampler_bench.kit import environment

with environment.without("MPLBACKEND") as wanted:  # a wrong one would end the import
    import matplotlib

if wanted:  # for the figures of whoever imports this
    with contextlib.suppress(ValueError):
        matplotlib.rcParams["backend"] = wanted
