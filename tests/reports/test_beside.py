"""Published values beside ours: which are compared, and with what error."""

import dataclasses

import pytest

from sampler_bench.reports.beside import beside_published, printed
from sampler_bench.reports.tables import latex, markdown
from sampler_bench.results.load import table
from tests.records import resampled, settings_of

MODEL = "baseline-cifar10-32x32-uncond-vp"
SAMPLER = {
    "solver": "heun",
    "discretization": "edm",
    "schedule": "linear",
    "scaling": "none",
    "rho": 7,
    "end": "zero",
    "S_churn": 0,
    "sigma_min": 0.002,
    "sigma_max": 80,
}


@pytest.fixture
def true_fid(records):
    """Return records of the true FID of EDM's deterministic sampler, at NFE 2·steps − 1."""

    def made(repeats=3, steps=(9, 18, 36), sampler=SAMPLER, **options):
        given = {"model": MODEL, "extractor": "inception", "samples": 50_000, **options}
        plain = records(labels=["+ σ = t, s = 1"], repeats=repeats, steps=steps, **given)
        return [resampled(one, {**sampler, "steps": settings_of(one)["steps"]}) for one in plain]

    return made


def test_the_lowest_of_three_is_compared_with_the_lowest_of_three(true_fid):
    made = true_fid()
    compared = beside_published(table(made))
    row = compared[(compared["NFE"] == 35) & compared["Where"].str.startswith("Table 2")].iloc[0]
    at_35 = [one for one in made if one.nfe == 35]
    lowest = min(one.value for one in at_35)
    assert row["Ours"] == lowest
    assert row["Published"] == 3.01
    assert row["Difference"] == pytest.approx(lowest - 3.01)
    mean_variance = sum(table([one])["se"].iloc[0] ** 2 for one in at_35) / 3
    assert row["Ours SE"] == pytest.approx(mean_variance**0.5)  # of one repeat, not of the mean
    assert row["In SE"] == pytest.approx(row["Difference"] / row["Ours SE"])
    assert "lowest of 3 repeats" in row["Compared"]


def test_the_lowest_over_nfe_needs_nfe_on_both_sides(true_fid):
    def lowest(steps):
        compared = beside_published(table(true_fid(steps=steps)))
        return compared[compared["Compared"].str.contains("over all NFE")]

    (published,) = lowest((9, 18, 36))["Published"].unique()
    assert published == 2.93  # Table 3
    assert lowest((18, 36)).empty
    assert lowest((9, 18)).empty


@pytest.mark.parametrize(
    "other",
    [
        {"samples": 1000},
        {"extractor": "fashion"},
        {"model": "exact-fashion"},
        {"sampler": {**SAMPLER, "rho": 5}},
        {"sampler": {**SAMPLER, "S_churn": 30}},
        {"sampler": {**SAMPLER, "end": "sigma-min"}},
        {"sampler": {**SAMPLER, "solver": "euler"}},
    ],
)
def test_nothing_else_is_compared(true_fid, other):
    compared = beside_published(table(true_fid(**other)))
    assert compared.empty


def test_the_lowest_over_nfe_is_the_lowest_repeat_of_all(true_fid):
    made = true_fid()
    spread = iter((1.0, 40.0, 40.0))  # the lowest by far, but not on average
    made = [dataclasses.replace(one, value=next(spread)) if one.nfe == 35 else one for one in made]
    compared = beside_published(table(made)).set_index("Where")
    assert compared["Ours"].loc["Table 3, arXiv:2206.00364v2"] == 1.0


def test_what_is_no_lowest_of_three_is_the_mean_of_repeats(true_fid):
    sampler = {**SAMPLER, "end": "sigma-min"}
    made = true_fid(sampler=sampler, steps=(4, 5), model="edm-cifar10-32x32-uncond-vp")
    made = [dataclasses.replace(one, nfe=one.nfe + 1) for one in made]  # to σ_min, by Heun's steps
    compared = beside_published(table(made)).set_index("NFE")
    at_8 = [one.value for one in made if one.nfe == 8]
    assert compared["Published"].loc[8] == 38.06
    assert compared["Ours"].loc[8] == pytest.approx(sum(at_8) / 3)
    assert compared["Compared"].loc[8] == "ours mean of 3 repeats"


def test_one_seed_range_beside_the_lowest_of_three_is_said(true_fid):
    assert beside_published(table(true_fid(repeats=1)))["Compared"].str.contains("one seed").all()


def test_without_an_error_there_is_no_difference_in_errors(true_fid):
    made = [dataclasses.replace(one, loo=()) for one in true_fid()]
    assert beside_published(table(made))["In SE"].isna().all()


def test_printed_levels_are_demanded(true_fid):
    compared = beside_published(table(true_fid(sampler={**SAMPLER, "sigma_min": 0.02})))
    assert not compared["Where"].str.startswith("Table 2").any()


def test_it_can_be_printed(true_fid):
    compared = beside_published(table(true_fid()))
    row = next(line for line in markdown(compared).splitlines() if "Table 2" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1] == "35"
    assert "±" in cells[2]
    assert cells[3] == "3.01"
    assert cells[4].startswith("+")
    assert latex(compared).count("toprule") == 1


def test_no_records_no_table(frame):
    assert beside_published(frame()).empty


@pytest.mark.parametrize(
    ("item", "values"), [("Figure 8", {2.94, 3.01}), ("Table 3", {2.85, 2.93})]
)
def test_what_the_paper_prints(item, values):
    rows = printed((item,))
    found = set(rows["FID"])
    assert values <= found
    assert set(rows["Where"].str.split().str[0]) == {item.split()[0]}
    assert not rows["FID"].isna().any()
    assert printed(("Figure 99",)).empty
