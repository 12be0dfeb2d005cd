"""Every table of every baseline that ships, as LaTeX: is it ASCII, and does pdfLaTeX compile it?

python -m tests.soak.latex FOLDER      # a PDF of each baseline; needs pdflatex
"""

import subprocess
import sys
from pathlib import Path

from sampler_bench.reports import tables
from sampler_bench.reports.report import _tables
from sampler_bench.results import load

BASELINES = Path(__file__).parents[2] / "results" / "baselines"


def main(out: Path) -> int:
    """Print a line for each baseline; return 1 if one does not compile."""
    out.mkdir(parents=True, exist_ok=True)
    failed = 0
    for folder in sorted(path for path in BASELINES.iterdir() if path.is_dir()):
        made = [tables.latex(one) for one in _tables(load(folder), folder.name).values()]
        body = "\\clearpage\n".join(made)
        text = f"\\documentclass{{article}}\n\\usepackage{{booktabs}}\n\\begin{{document}}\n{body}"
        (out / f"{folder.name}.tex").write_text(f"{text}\n\\end{{document}}\n", "ascii")
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{folder.name}.tex"]
        ran = subprocess.run(command, cwd=out, capture_output=True, text=True, errors="replace")
        wrong = [line for line in ran.stdout.splitlines() if line.startswith("!")]
        print(f"{folder.name}: {len(made)} tables, {wrong[0] if wrong else 'compiled'}", flush=True)
        failed += ran.returncode != 0
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
