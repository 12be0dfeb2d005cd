"""What a measurement is, where it is kept, and what others have published."""

from results import published
from results.cell import Cell
from results.load import load
from results.record import Record
from results.shard import Conflict, Shard
from results.store import Store

__all__ = ["Cell", "Conflict", "Record", "Shard", "Store", "load", "published"]
