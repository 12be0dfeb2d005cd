"""What a measurement is, where it is kept, and what others have published."""

from sampler_bench.results import published
from sampler_bench.results.cell import Cell
from sampler_bench.results.load import load
from sampler_bench.results.record import Record
from sampler_bench.results.shard import Conflict, Shard
from sampler_bench.results.store import Store

__all__ = ["Cell", "Conflict", "Record", "Shard", "Store", "load", "published"]
