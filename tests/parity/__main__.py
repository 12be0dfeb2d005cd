"""``python -m tests.parity FOLDER STEM``: which released samplers hold, by program."""

import sys
from collections import Counter
from pathlib import Path

from tests.parity.case import read
from tests.parity.programs import outcomes
from tests.parity.run import DEFECT, FAIL, HOLD, NOT_MAPPED, Outcome


def lines(found: list[Outcome]) -> list[str]:
    """Return a line for each program, and one for all."""
    programs = [*dict.fromkeys(one.case.program for one in found), "all"]
    told = []
    for program in programs:
        words = Counter(o.word for o in found if program in {o.case.program, "all"})
        counts = ", ".join(f"{words[word]} {word}" for word in (HOLD, DEFECT, NOT_MAPPED, FAIL))
        told.append(f"{program}: {counts} of {words.total()}")
    return told


def main(folder: str, stem: str, *, verbose: bool = False) -> int:
    """Run all cases of a folder; return 1 if one fails."""
    found = outcomes(read(Path(folder), stem))
    for one in found:
        if one.word == FAIL or (verbose and one.word != HOLD):
            print(f"{one.word}: {one.case.name}: {one.detail}")
    print("\n".join(lines(found)))
    return int(any(one.word == FAIL for one in found))


if __name__ == "__main__":
    options = [argument for argument in sys.argv[1:] if argument.startswith("-")]
    folder, stem = (argument for argument in sys.argv[1:] if not argument.startswith("-"))
    sys.exit(main(folder, stem, verbose="-v" in options))
