import pytest

from sampler_bench.results import published
from sampler_bench.results.load import table


def test_one_schema():
    assert list(published.load().columns) == published.COLUMNS
    assert len(published.load("edm")) == 212
    assert len(published.load("samplers")) == 342
    assert published.load()["fid"].dtype == float
    with pytest.raises(ValueError, match="allowed: edm, samplers"):
        published.load("edn")


def test_every_checkpoint_of_the_map_has_values():
    for model in published._checkpoints():
        rows = published.of_model(model)
        assert len(rows), model
        assert rows[["nfe", "fid"]].notna().all(axis=None)


def test_known_values():
    rows = published.of_model("baseline-cifar10-32x32-uncond-vp")
    table3 = rows[rows["figure_or_table"] == "Table 3"]
    assert set(zip(table3["nfe"], table3["fid"], strict=True)) == {
        (256, 2.85),
        (512, 2.79),
        (255, 2.88),
        (35, 2.93),
        (115, 2.94),
    }
    assert 2.08 not in set(published.of_model("edm-cifar10-32x32-uncond-vp")["fid"])


def test_only_the_true_fid_of_that_checkpoint_matches(record, cell):
    model = "edm-cifar10-32x32-cond-vp"
    true = {"extractor": "inception", "samples": 50_000}

    def found(model=model, **changes):
        return published.matching(table([record(model=model, cell=cell(**(true | changes)))]))

    assert set(found()["bench_model"]) == {model}
    assert (found()["dataset"].str.contains("CIFAR-10")).all()
    assert len(found(condition={"class_label": "uniform"})) == len(found())
    for change in (
        {"samples": 49_999},
        {"extractor": "fashion"},
        {"model": "exact-fashion"},
        {"metric": "kid"},
        {"condition": {"class_label": "uniform", "guidance": 1.5}},
        {"condition": {"class_label": 3}},
    ):
        assert found(**change).empty
        assert "bench_model" in found(**change).columns
    assert published.matching(table([])).empty
