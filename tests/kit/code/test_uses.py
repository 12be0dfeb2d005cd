"""Which names a definition uses: its module's, and not its own."""

import ast

import pytest

from sampler_bench.kit.code.uses import Import, Use, uses


def names(source):
    found = uses(ast.parse(source).body[0])
    return {".".join([use.name, *use.attributes]) for use in found if isinstance(use.name, str)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(x: T, *a: T, y: T = D, **k) -> T:\n    z: T = x\n    return g(z, a, k)", "D g"),
        (
            "@deco(A)\nclass C(B, metaclass=M):\n    x: T = D\n    def m(self): return self.y(E)",
            "deco A B M D E",
        ),
        ("def f():\n    return [x + A for x in B if x in C for y in D]", "A B C D"),
        ("def f():\n    return {x: A for x in B}, x", "A B x"),
        ("f = lambda x, y=A: x + y + B", "A B"),
        ("def f():\n    global G\n    G = A", "G A"),
        ("def f():\n    if (n := A): return n", "A"),
        ("def f():\n    def g(): return A\n    return g()", "A"),
        (
            "def f(x):\n    match x:\n        case C(a=[b, *c]): return b, c\n"
            "        case M.V: return A",
            "C M.V A",
        ),
        ("def f():\n    try: pass\n    except E as e: return e", "E"),
        ("x = a.b.c(d[0].e, f'{g}')", "a.b.c d g"),
        ("def f():\n    with A() as a, B: return a", "A B"),
        ("def f():\n    for i in A: i.b\n    del i", "A"),
        ("x: T = A", "A"),
        ("def f(a):\n    a.b = C\n    D.e = a", "C D.e"),
    ],
)
def test_names(source, expected):
    assert names(source) == set(expected.split())


@pytest.mark.parametrize(
    ("source", "use"),
    [
        ('x = ROWS["a"]', Use("ROWS", (), "a")),
        ('x = m.ROWS["a"].b', Use("m", ("ROWS",), "a")),
        ('x = ROWS.lookup("a")', Use("ROWS", (), "a")),
        ('x = ROWS.get("a", 1)', Use("ROWS", (), "a")),
        ("x = ROWS[name]", Use("ROWS", (), None)),
        ("def f():\n    from .a import b as c\n    return c.d", Use(Import("a", 1, "b"), ("d",))),
        ("def f():\n    import a.b\n    return a.b.c", Use(Import("a.b", deep=False), ("b", "c"))),
    ],
)
def test_uses(source, use):
    assert use in uses(ast.parse(source).body[0])
