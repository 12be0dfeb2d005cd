"""What nobody foresaw: one line for who typed the command, and a file for who mends the code."""

import os
import platform
import sys
import tempfile
import time
import traceback
from importlib.metadata import version
from pathlib import Path

import platformdirs

from sampler_bench.kit import environment
from sampler_bench.kit.files import write_whole


def told(error: Exception) -> str:
    """Write the traceback to a file of its own, and return one line that names it."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    text = "\n".join(
        [
            f"{time.strftime('%Y-%m-%d %H:%M:%S%z')}  sampler-bench {version('sampler-bench')}, "
            f"Python {platform.python_version()}, {platform.platform()}",
            f"typed: {' '.join(sys.argv)}",
            "".join(traceback.format_exception(error)),
        ]
    )
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for folder in (_usual(), Path(tempfile.gettempdir())):
        try:
            write_whole(folder / name, text.encode("utf-8", "backslashreplace"))
        except ValueError:
            continue
        return f"a fault of the program: {reason[:200]}; its traceback is in {folder / name}"
    return f"a fault of the program: {reason[:200]}; its traceback could not be written"


def _usual() -> Path:
    """Return ``logs/`` of the cache that was chosen, or where logs go on this system."""
    chosen = environment.cache()
    return chosen / "logs" if chosen else platformdirs.user_log_path("sampler-bench")
