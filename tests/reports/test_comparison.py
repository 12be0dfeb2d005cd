"""``bench compare``: samplers against one of them at equal cost."""

import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from sampler_bench.bench.commands.cli import app
from sampler_bench.reports import compared
from sampler_bench.reports.comparison import answer, answers, cell, compare, table
from sampler_bench.results import Store
from sampler_bench.results.estimate import Estimate
from sampler_bench.results.load import table as loaded
from tests.records import made_cell, made_record
from tests.reports.test_latex import compiled

SHARDS = 20
NOISE = np.random.default_rng(0).standard_normal((4, SHARDS)) / 100


def record(label, nfe, value, own=0, seeds=0, metric="fid", model="net", shared=NOISE[0]):
    """Return a record of which the noise is shared but for a tenth."""
    rest = value + shared + NOISE[own] / 10
    fields = {"model_digest": model, "seed_start": seeds, "samples": 1000, "precision": "float32"}
    fields |= {"extractor": "fashion", "extractor_digest": "e", "metric": metric}
    fields |= {"quantizer": "uint8", "reference": "model", "reference_digest": "r"}
    of = made_cell({"solver": label, "steps": nfe}, **fields)
    numbers = {"nfe": float(nfe), "nfe_min": float(nfe), "nfe_max": float(nfe), "seconds": 1.0}
    return made_record(
        cell=of, model=model, label=label, value=value, loo=tuple(rest), settings={}, **numbers
    )


def league(**changes):
    """Euler at 8, 16; Heun at 7, 15, much better at 15 alone; a third at 4."""
    made = [
        record("Euler", 8, 5.0),
        record("Euler", 16, 3.0),
        record("Heun", 7, 5.0005, own=1),
        record("Heun", 15, 1.0, own=2),
        record("Few", 4, 9.0, own=3),
    ]
    return loaded([replace(one, **changes) for one in made], ["Euler", "Heun", "Few"])


def test_columns_are_the_costs_of_the_compared_and_others_spend_no_more():
    [block] = compare(league(), "Euler")
    assert [column.nfe for column in block.columns] == [8, 16]
    spent = [{one.label: one.nfe for one in column.entries} for column in block.columns]
    assert spent == [{"Euler": 8, "Heun": 7}, {"Euler": 16, "Heun": 15}]  # 4 is not 8
    [asked] = compare(league(), "Euler", nfe=[9])[0].columns
    assert {one.label: one.nfe for one in asked.entries} == {"Euler": 8, "Heun": 7}
    alone = loaded([record("Euler", 8, 5.0), record("Euler", 40, 2.0), record("Heun", 7, 5.0, 1)])
    assert [column.nfe for column in compare(alone, "Euler")[0].columns] == [8]


def test_columns_are_the_costs_that_a_grid_asked_for():
    made = loaded([record("Heun", 11, 5.0), record("LMS", 12, 4.0, 1)])
    assert [column.nfe for column in compare(made, "Heun")[0].columns] == [12]  # the others'
    with pytest.raises(ValueError, match="compare; it spends 11, others 12: see --nfe"):
        compare(made, "Heun", nfe=[11])
    made["nfe_asked"] = pd.Series([(12,), (12,)], made.index)
    [block] = compare(made, "Heun")
    [column] = block.columns
    assert {one.label: one.nfe for one in column.entries} == {"Heun": 11, "LMS": 12}
    assert column.nfe == 12


def test_the_nearest_label_is_told_by_its_beginning():
    made = loaded([record("heun, edm steps", 8, 5.0), record("lms, edm steps", 8, 4.0, 1)])
    assert compare(made, "heun")[0].against == "heun, edm steps"
    with pytest.raises(ValueError, match="did you mean 'heun'") as told:
        compare(made, "huen")
    assert "known: heun, edm steps, lms, edm steps" in str(told.value)


def test_differences_are_paired_and_say_how_sure_they_are():
    [block] = compare(league(), "Euler")
    near, far = (column.of("Heun") for column in block.columns)
    alone = block.columns[0].of("Euler").value.se
    assert near.paired and near.difference.se < alone / 3
    assert near.difference.value == pytest.approx(0.0005) and near.q > 0.5
    assert far.difference.value == pytest.approx(-2.0) and far.q < 1e-6
    assert far.p <= far.q <= 2 * far.p * (1 + 1e-9)
    assert block.columns[0].of("Euler").difference is None


def test_the_best_and_those_that_cannot_be_told_from_it():
    [block] = compare(league(), "Euler")
    told = [[(e.label, e.best, e.may_be_best) for e in c.entries] for c in block.columns]
    assert told[0] == [("Euler", True, True), ("Heun", False, True)]
    assert told[1] == [("Euler", False, False), ("Heun", True, True)]


def test_chance_is_told_by_the_rate_of_false_discoveries():
    """One p of 0.01 among eleven is what chance gives: q, not p, decides the words."""
    [block] = compare(league(), "Euler")
    far = block.columns[1]
    luck = replace(far.of("Heun"), p=0.01, q=0.11)
    column = replace(far, entries=(far.of("Euler"), luck))
    assert answer(block, column).count("(q = 0.1), which may be chance") == 1


def test_more_is_better_where_it_is():
    records = [record("a", 8, 0.5, metric="recall"), record("b", 8, 0.9, 1, metric="recall")]
    [block] = compare(loaded(records), "a")
    assert block.upward and block.columns[0].of("b").best
    [said] = answers([block])
    assert said.startswith("At 8 evaluations on net, “b” is higher than “a” by 0.4")


def test_the_answer_is_a_sentence():
    near, far = answers(compare(league(), "Euler"))
    assert near == (
        "At 8 evaluations on net, nothing is lower than “Euler”, 5.000 ± 0.041; "
        "1 of 1 others cannot be told from it: “Heun”."
    )
    assert re.fullmatch(
        r"At 16 evaluations on net, “Heun” \(NFE 15\) is lower than “Euler” by "
        r"2\.000\d* ± 0\.00\d+ \(q = \de-\d+\); no other may be the best\.",
        far,
    )
    [chance] = answers(compare(league(), "Heun", nfe=[8]))
    assert "“Euler” is lower than “Heun” (NFE 7) by 0.000" in chance and "may be chance" in chance


@pytest.mark.parametrize(
    "other",
    [
        {"reference": "file", "reference_digest": "s"},
        {"precision": "bfloat16"},
        {"model_digest": "another network of that name"},
        {"extractor_digest": "f"},
        {"class_label": 3.0},
    ],
)
def test_what_is_measured_in_another_way_is_not_compared(other):
    made = loaded([record("a", 8, 5.0), record("b", 8, 4.0, 1)]).assign(class_label=None)
    strange = loaded([record("a", 8, 9.0), record("c", 8, 1.0, 2)]).assign(**other)
    blocks = compare(pd.concat([made, strange], ignore_index=True), "a")
    assert sorted(sorted(e.label for e in b.columns[0].entries) for b in blocks) == [
        ["a", "b"],
        ["a", "c"],
    ]
    assert len({block.metric for block in blocks}) == 2
    assert str(next(iter(other.values())))[:16] in " ".join(block.metric for block in blocks)


def test_two_curves_of_one_label_are_refused_and_not_chosen_from():
    made = loaded([record("a", 8, 5.0), record("b", 8, 4.0, 1), record("b", 8, 40.0, 2)])
    made["point"] = [f"{i}" for i in range(len(made))]
    made["key"], made["sampler.steps"] = made["point"], 8.0
    with pytest.raises(ValueError, match="2 curves of other settings are called 'b' and spend 8"):
        compare(made, "a")


def test_a_sampler_of_ones_own_is_compared_where_it_is_not_the_best():
    made = loaded([record("a", 8, 5.0), record("b", 8, 4.0, 1), record("mine", 8, 6.0, 2)])
    (before,) = answers(compare(made, "a"))
    assert "mine" not in before
    made["sampler.solver"] = made["label"].map({"a": "heun", "mine": "file:ab2"})
    (said,) = answers(compare(made, "a"))
    assert "“b” is lower than “a” by 1.00" in said and "; “mine” is higher than “a” by 1.00" in said


def test_other_seeds_are_said():
    records = [record("a", 8, 5.0), record("b", 8, 4.0, 1, seeds=1000)]
    [block] = compare(loaded(records), "a")
    one = block.columns[0].of("b")
    assert not one.paired and cell(one, 8)[0].endswith("*")
    assert one.difference.se > 1.3 * block.columns[0].of("a").value.se


def test_repeats_are_put_together():
    records = [
        record(label, 8, v, seeds=s) for label, v in (("a", 5.0), ("b", 4.0)) for s in (0, 1000)
    ]
    [block] = compare(loaded(records), "a")
    assert len(block.columns[0].entries) == 2
    assert block.columns[0].of("b").difference.value == pytest.approx(-1.0)


def test_models_and_metrics_are_blocks_and_named():
    records = [
        record(label, 8, value, own, metric=metric, model=model)
        for model in ("m", "n")
        for metric in ("fid", "kid")
        for own, (label, value) in enumerate([("a", 5.0), ("b", 4.0)])
    ]
    blocks = compare(loaded(records), "a")
    assert [(b.model, b.metric[:3]) for b in blocks] == [
        ("m", "Fré"),
        ("m", "Ker"),
        ("n", "Fré"),
        ("n", "Ker"),
    ]
    assert "on m (Fréchet distance" in answers(blocks)[0]
    only = compare(loaded(records), "a", metric="kid")
    assert [b.metric[:3] for b in only] == ["Ker", "Ker"] and "(Ker" not in answers(only)[0]


def test_a_label_may_be_its_beginning():
    records = [record("heun, edm steps", 8, 5.0), record("ab2, edm steps", 8, 4.0, 1)]
    assert compare(loaded(records), "heun")[0].against == "heun, edm steps"


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        ({"against": "Hen"}, "unknown sampler 'Hen'.*Heun"),
        ({"against": "Few"}, "nothing was measured beside 'Few'"),
        ({"against": "Euler", "nfe": [3]}, "nothing was measured beside 'Euler' at 3 evaluations"),
        ({"against": "Euler", "metric": "fdi"}, "unknown metric 'fdi'.*fid"),
    ],
)
def test_what_cannot_be_compared_is_one_line(asked, wrong):
    with pytest.raises(ValueError, match=wrong) as raised:
        compare(league(), **asked)
    assert "\n" not in str(raised.value)


def test_the_order_of_records_does_not_matter():
    frame = league()
    shuffled = frame.sample(frac=1, random_state=1)
    texts = [compared.markdown(compare(each, "Euler")) for each in (frame, shuffled)]
    assert texts[0] == texts[1]


def test_unknown_errors_claim_nothing():
    records = [replace(record("a", 8, 5.0), loo=()), replace(record("b", 8, 1.0, 1), loo=())]
    [block] = compare(loaded(records), "a")
    assert block.columns[0].of("b").q == 1.0 and block.columns[0].of("a").may_be_best
    assert "±" not in cell(block.columns[0].of("b"), 8)[0]


def test_numbers_are_in_the_table():
    frame = table(compare(league(), "Euler"))
    row = frame[(frame["Sampler"] == "Heun") & (frame["NFE"] == 16)].iloc[0]
    assert (row["Spent"], row["Best"], row["May be best"]) == (15, True, True)
    assert row["Freedom"] == SHARDS - 1 and row["Difference"] == pytest.approx(-2)
    assert len(pd.read_csv(io.StringIO(frame.to_csv(index=False)))) == 4


def test_markup_in_labels_stays_text_and_latex_is_ascii_that_compiles(tmp_path):
    hard = "a|b *c* _d_ & 5 % σ"
    records = [record(hard, 8, 5.0), record("plain", 8, 4.0, 1)]
    blocks = compare(loaded(records), hard)
    text = compared.markdown(blocks)
    assert r"a\|b \*c\* \_d\_ & 5 % σ" in text and "**−1.00" in text
    tex = compared.tex(blocks, "sampler-bench, bench compare")
    assert tex.isascii() and "\\textbf" in tex and "$\\sigma$" in tex and "\\label{tab:" in tex
    assert tex.startswith("% sampler-bench, bench compare\n")
    try:
        found = compiled(tex, tmp_path)
    except FileNotFoundError:
        pytest.skip("there is no pdfLaTeX")
    assert found.returncode == 0, found.stdout[-1500:]


def test_the_command_prints_the_answer_first_and_writes_three_files(tmp_path):
    store = Store(tmp_path / "run")
    for one in (record("Euler", 8, 5.0), record("Heun", 7, 4.0, 1)):
        store.write_record(one)
    words = ["compare", str(tmp_path / "run"), "--against", "Euler", "--out", str(tmp_path / "o")]
    found = CliRunner().invoke(app, words)
    assert found.exit_code == 0, found.output
    assert found.output.startswith(
        "At 8 evaluations on net, “Heun” (NFE 7) is lower than “Euler” by 1.0"
    )
    assert "@7" in found.output
    assert {path.name for path in (tmp_path / "o").iterdir()} == {
        "compare.md",
        "compare.csv",
        "compare.tex",
    }
    wrong = CliRunner().invoke(app, [*words[:3], "Hoin"])
    assert wrong.exit_code == 2 and "Heun" in wrong.output


def test_a_difference_of_rounding_is_none():
    records = [record("a", 8, 5.0), record("b", 8, 5.0 * (1 + 1e-9))]
    one = compare(loaded(records), "a")[0].columns[0].of("b")
    assert isinstance(one.difference, Estimate) and one.difference.value == 0 and one.p == 1


def test_many_costs_are_tables_of_three_on_a_page():
    records = [
        record(label, nfe, value, own)
        for nfe in (4, 8, 12, 16)
        for own, (label, value) in enumerate([("a", 5.0), ("b", 4.0)])
    ]
    tex = compared.tex(compare(loaded(records), "a"), "made")
    assert re.findall(r"begin\{tabular\}\{(l?r*)\}", tex) == ["lrrrrrr", "lrr"]
    assert tex.count("\\caption") == 1 and tex.count("Sampler & NFE") == 2
