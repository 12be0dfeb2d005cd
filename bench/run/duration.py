"""Times as people say them."""


def duration(seconds: float) -> str:
    """Return a duration as people say it: 45 s, 12 min, 3.4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def roughly(seconds: float) -> str:
    """Return a duration that is an estimate: seconds in fives."""
    return duration(seconds if seconds >= 90 else max(5, 5 * round(seconds / 5)))
