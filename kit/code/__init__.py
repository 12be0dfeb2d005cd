"""The code that a record was made by: which definitions ran, and a digest of each one's text.

Names are followed from live objects through the code that is one's own. What no text says is not
seen: names looked up by a text made at run time (``getattr``, ``globals()``), functions put in the
place of others, registries filled by calls of decorators, modules imported for what they do alone.
"""

from sampler_bench.kit.code.graph import UNKNOWN
from sampler_bench.kit.code.listing import Code, Reader, changed
from sampler_bench.kit.code.sources import Sources

__all__ = ["UNKNOWN", "Code", "Reader", "Sources", "changed"]
