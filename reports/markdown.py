"""Texts within Markdown: what somebody called a sampler is no markup, link or page of its own."""

import re

from sampler_bench.kit.text import cut, one_line

_ACTS = re.compile(
    r"[\\`*|~$]"
    r"|<(?=[A-Za-z/!?])"  # HTML, or an address
    r"|&(?=#?\w+;)"  # a sign by its name
    r"|(?<![^\W_])_|_(?![^\W_])"  # within a word it is a letter
    r"|\](?=[(\[:])"  # a link, or where it leads
)


class Markdown(str):
    """A text that is Markdown already: :func:`plain` leaves it as it is."""


def plain(text: str) -> Markdown:
    """Return a text as Markdown that shows it, in one line."""
    if isinstance(text, Markdown):
        return text
    return Markdown(_ACTS.sub(r"\\\g<0>", one_line(text)))


def code(text: str) -> Markdown:
    """Return a text as code within a line, cut short where it is long."""
    text = cut(one_line(text).strip())
    marks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return Markdown(f"{marks} {text} {marks}" if "`" in text else f"{marks}{text}{marks}")


def fence(text: str, language: str = "") -> Markdown:
    """Return lines as a block of code that none of them ends."""
    marks = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return Markdown(f"{marks}{language}\n{text}\n{marks}")
