"""``python -m sampler_bench``: the command line."""

from sampler_bench.bench.cli import main

main()
