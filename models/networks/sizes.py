"""What arguments of networks may be.

Files are not trusted: larger values than these would only exhaust the machine.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

Side = Annotated[int, Field(ge=1, le=4096)]
Channels = Annotated[int, Field(ge=1, le=256)]
OutChannels = Annotated[int, Field(ge=1, le=512)]
Classes = Annotated[int, Field(ge=0, le=1_000_000)]
Labels = Annotated[int, Field(ge=0, le=10_000)]
Width = Annotated[int, Field(ge=1, le=4096)]
Multiplier = Annotated[int, Field(ge=1, le=64)]
Multipliers = Annotated[Sequence[Multiplier], Field(max_length=64)]
Sides = Annotated[Sequence[Side], Field(max_length=64)]
Probability = Annotated[float, Field(ge=0, le=1)]
Taps = Annotated[Sequence[Annotated[float, Field(ge=-100, le=100)]], Field(max_length=64)]
