"""``python -m sampler_bench``: the command line."""

from sampler_bench.bench.commands.cli import main

main()
