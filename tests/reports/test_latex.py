"""Tables as LaTeX: ASCII, and what pdfLaTeX compiles."""

import re
import shutil
import subprocess

import pandas as pd
import pytest

from sampler_bench.reports import latex, tables

HARD = [
    "a_b & 5 % #1 {x} ~ ^ \\ $3 <b> |c| \"d\" 'e'",
    "σ(t) ≤ 1 ± 0.5 − ∞ α ⅔ ½ ¼ ⅓ é Ö ē x̂₀ ᾱ S² – — · … Δ × ≥ √t μ µ ‖ ″ → ⟨ −1⁻⁵ λ ρ̂",
    "日本 Ω ∇ ∈ ∀ ≈ ≠ ‰ € № ✓",
    "+ Heun & EDM's {t_i}",
    "[1] first",
    "* star",
]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("σ ± 5 %", r"$\sigma$ $\pm$ 5 {\%}"),
        ("x̂₀, ᾱ", r"$\hat{x}$$_0$, $\bar{\alpha}$"),
        ("⅔ or ½", r"$\frac{2}{3}$ or $\frac{1}{2}$"),
        ("é ē", r"{\'e} {\={e}}"),
        ("a_b & {c}", r"a{\_}b {\&} {\{}c{\}}"),
        ("日", "{[U+65E5]}"),
        ("[1] of * and [2]", "{[}1] of * and [2]"),
        ("* a|b", r"{*} a{\textbar}b"),
    ],
)
def test_signs_have_their_words(given, told):
    assert latex.text(given) == told


def table():
    rows = [
        {"Model": "fashion_é", "Metric": f"Fréchet {i}", "Sampler": label, "Best": 1.5, "SE": 0.1}
        for i, label in enumerate(HARD)
    ]
    made = pd.DataFrame(rows)
    made.attrs["made"] = "sampler-bench, bench report σ; records of commit abc\nnewpage"
    return made


def test_all_of_it_is_ascii_with_caption_and_label_and_how_it_was_made():
    text = tables.latex(table())
    assert text.isascii()
    assert text.count(r"\caption{fashion{\_}{\'e}: Fr{\'e}chet ") == len(HARD)
    labels = re.findall(r"\\label{(tab:[a-z0-9-]+)}", text)
    assert len(set(labels)) == len(HARD)
    first, *rest = text.splitlines()
    assert first == r"% sampler-bench, bench report $\sigma$; records of commit abc newpage"
    assert r"\newpage" not in text and text.count(r"\toprule") == len(HARD)
    assert r"1.50 $\pm$ 0.10" in text and rest[0].startswith("%")


def compiled(text, folder):
    """Compile tables as a paper would hold them; return what pdfLaTeX says."""
    (folder / "tables.tex").write_text(text, "ascii")
    (folder / "paper.tex").write_text(
        "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n"
        "\\input{tables}\n\\end{document}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdfLaTeX")
def test_pdflatex_compiles_it(tmp_path):
    found = compiled(tables.latex(table()), tmp_path)
    assert found.returncode == 0, found.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 1000
