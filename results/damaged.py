"""Files that are not what they say: set aside, said, and never read again."""

import contextlib
import warnings
from pathlib import Path

from sampler_bench.kit import files

FOLDER = "damaged"


class NotShown(UserWarning):
    """Something in a run's folder that no table or figure shows, and why."""


class Damaged(NotShown):
    """A file that is not what it says."""


def set_aside(root: Path, path: Path, wrong: ValueError) -> None:
    """Move a file of a run into its folder `damaged/`, and say so.

    What was measured there is then missing, and a run measures it again. Where the folder cannot
    be written the file stays, and is left out.
    """
    target = root / FOLDER / path.relative_to(root)
    where = f"{path} stays where it is"
    with contextlib.suppress(files.Unwritable):
        files.move(path, target)
        where = f"set aside in {root / FOLDER}"
    reason = " ".join(str(wrong).split()).removeprefix(f"{path}: ")
    warnings.warn(f"{path}: {reason}; {where}", Damaged, stacklevel=2)
