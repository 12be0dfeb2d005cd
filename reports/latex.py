"""Tables as LaTeX that pdfLaTeX takes: ASCII alone, whatever stands in a label."""

import re
import unicodedata
from collections.abc import Iterable

import pandas as pd
from pandas.io.formats.style import Styler
from pylatexenc.latexencode import (
    RULE_CALLABLE,
    UnicodeToLatexConversionRule,
    UnicodeToLatexEncoder,
)

_ACCENTS = {"̂": "hat", "̃": "tilde", "̄": "bar", "̇": "dot", "̈": "ddot"}
_AFTER_A_ROW = re.compile(r"^\s*[\[*]")  # the options of the \\ before it, where a row begins so
_MATHS = re.compile(r"\{\\ensuremath\{((?:[^{}]|\{[^{}]*\})*)\}\}")


def text(told: str) -> str:
    r"""A text as LaTeX in ASCII; a sign that LaTeX has no word for becomes its Unicode number.

    >>> text("σ(t) ≤ 5 % & x̂₀ ± ½")
    '$\\sigma$(t) $\\leq$ 5 {\\%} {\\&} $\\hat{x}$$_0$ $\\pm$ $\\frac{1}{2}$'
    """
    found = _ENCODER.unicode_to_latex(unicodedata.normalize("NFC", told))
    return _MATHS.sub(r"$\1$", _AFTER_A_ROW.sub(r"{\g<0>}", found))


def tabular(table: pd.DataFrame, sides: Iterable[str]) -> str:
    """A table of texts as a booktabs tabular; `sides` are "left" or "right", one a column."""
    told = table.map(lambda cell: text(str(cell)))
    told.columns = [text(str(name)) for name in table.columns]
    columns = "".join(side[0] for side in sides)
    return Styler(told).hide(axis="index").to_latex(hrules=True, column_format=columns)


def floating(body: str, caption: str, label: str) -> str:
    r"""A tabular with its caption, which ``\ref{tab:LABEL}`` can point at."""
    name = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")
    told = f"\\caption{{{text(caption)}}}\n\\label{{tab:{name}}}\n\\medskip\n"
    return f"\\begin{{table}}\n\\centering\n{told}{body}\\end{{table}}\n"


def comment(told: str) -> str:
    """A line that LaTeX does not read."""
    return f"% {text(' '.join(told.split()))}\n"


def _special(told: str, at: int) -> tuple[int, str] | None:
    """What the library has no good word for: fractions, accents of formulas, a bar."""
    sign = told[at]
    if sign == "|":  # which pdfLaTeX's usual fonts print as a dash
        return 1, r"\textbar"
    if "⁄" in (parts := unicodedata.normalize("NFKD", sign)) and len(parts) > 1:
        over, under = parts.split("⁄")
        return 1, rf"\ensuremath{{\frac{{{over}}}{{{under}}}}}"
    base, marks = sign, told[at + 1 : at + 2]
    length = 2
    if marks not in _ACCENTS or not marks:
        base, marks, length = *_parts(sign), 1
    if marks in _ACCENTS and (length == 2 or (not sign.isascii() and ord(base) > 0x370)):
        return length, rf"\ensuremath{{\{_ACCENTS[marks]}{{{_inner(base)}}}}}"
    return None


def _parts(sign: str) -> tuple[str, str]:
    apart = unicodedata.normalize("NFD", sign)
    return (apart[0], apart[1]) if len(apart) == 2 else (sign, "")


def _inner(letter: str) -> str:
    return text(letter).strip("$")


def _unknown(sign: str) -> str:
    return f"{{[U+{ord(sign):04X}]}}"


_ENCODER = UnicodeToLatexEncoder(
    conversion_rules=[UnicodeToLatexConversionRule(RULE_CALLABLE, _special), "defaults"],
    replacement_latex_protection="braces-all",
    unknown_char_policy=_unknown,
    unknown_char_warning=False,
)
