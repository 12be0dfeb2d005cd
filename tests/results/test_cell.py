import json
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampler_bench.results import Cell
from tests.records import made_cell

NAMES = st.text("abcdefghij_", min_size=1, max_size=6)
SETTINGS = st.dictionaries(
    NAMES,
    st.none()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False)
    | st.text("inf-é7. ", max_size=8),
    max_size=6,
)


def build(sampler, **changes):
    fields = {
        "model_digest": "0",
        "seed_start": 0,
        "samples": 100,
        "precision": "float32",
        "quantizer": "none",
        "extractor": "pixels",
        "extractor_digest": "1",
        "metric": "fid",
        "reference": "r",
        "reference_digest": "2",
    }
    return made_cell(sampler, **(fields | changes))


@given(SETTINGS, st.randoms())
def test_key_depends_on_contents_not_on_order(sampler, random):
    names = list(sampler)
    random.shuffle(names)
    assert build(sampler).key == build({name: sampler[name] for name in names}).key


@given(SETTINGS)
def test_json_round_trip_keeps_the_cell(sampler):
    cell = build(sampler)
    again = Cell.from_json(json.loads(json.dumps(cell.to_json(), allow_nan=False)))
    assert again == cell
    assert again.key == cell.key
    assert pickle.loads(pickle.dumps(cell)) == cell


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_keys_are_equal_exactly_if_the_numbers_are(a, b):
    assert (build({"x": a}).key == build({"x": b}).key) == (a == b)


def test_whole_floats_and_integers_declare_the_same(cell):
    assert cell(sampler={"rho": 7}).key == cell(sampler={"rho": 7.0}).key
    assert cell(sampler={"rho": 7}).key != cell(sampler={"rho": "7"}).key


def test_the_key_is_pinned():
    """Changing this number forgets every measurement made so far: raise FORMAT if you must."""
    assert (
        build({"solver": "heun", "S_max": math.inf, "sigma_min": 0.002}).key == "e045efb86cdefe25"
    )


def test_every_field_is_in_the_key_and_metric_fields_not_in_the_work_key(cell):
    changes = {
        "model_digest": "x",
        "sampler": {"rho": 5},
        "seed_start": 1000,
        "samples": 10,
        "precision": "float64",
        "quantizer": "none",
        "extractor": "pixels",
        "extractor_digest": "x",
        "shards": 4,
        "metric": "kid",
        "reference": "x",
        "reference_digest": "x",
    }
    base = cell()
    for name, value in changes.items():
        other = cell(**{name: value})
        assert other.key != base.key, name
        same_work = name in ("metric", "reference", "reference_digest")
        assert (other.work_key == base.work_key) == same_work, name
        assert (other.point == base.point) == (name == "seed_start"), name


def test_explain_names_each_field(cell):
    lines = cell().explain(cell(samples=10, sampler={"rho": 5, "group": 8}))
    assert lines == [
        "samples: 1000 != 10",
        "sampler.rule.rho: 7 != 5",
        "sampler.rule.group: absent != 8",
    ]
    assert cell().explain(cell()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"precision": "float23"}, "did you mean 'float32'"),
        ({"metric": ""}, "metric = '' is not allowed: it must be a word"),
        ({"quantizer": "?"}, "known: none, uint8"),
        ({"samples": 0}, "samples = 0 is not allowed: it must be a whole number of at least 1"),
        ({"seed_start": 1.5}, "seed_start = 1.5 is not allowed: it must be a whole number"),
        ({"sampler": {"rho": math.nan}}, "sampler.rule.rho is not a number"),
        ({"condition": {"class_label": [1]}}, "condition.class_label must be a name or a number"),
        ({"condition": {"guidance": True}}, "guidance must be a name or a number, got True"),
    ],
)
def test_bad_values_are_one_clear_line(cell, changes, message):
    with pytest.raises(ValueError, match="cell: ") as raised:
        cell(**changes)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("metric", "extractor", "samples", "name"),
    [
        ("fid", "inception", 50_000, "FID"),
        ("fid", "inception", 49_999, "Fréchet distance, Inception features, 49,999 samples"),
        ("fid", "fashion", 50_000, "Fréchet distance, fashion features, 50,000 samples"),
        ("fid", "pixels", 1000, "Fréchet distance, pixel values, 1,000 samples"),
        ("kid", "fashion", 1000, "Kernel distance, fashion features, 1,000 samples"),
        ("recall", "inception", 50_000, "Recall"),
        ("truncation-error", "none", 100, "RMS truncation error, 100 samples"),
        ("local-error", "none", 200, "RMS local error, largest mean over steps, 200 samples"),
    ],
)
def test_only_the_true_fid_is_called_fid(cell, metric, extractor, samples, name):
    assert cell(metric=metric, extractor=extractor, samples=samples).metric_name == name


@pytest.mark.parametrize("change", [{"format": 1}, {"colour": "red"}])
def test_another_format_is_refused(cell, change):
    with pytest.raises(ValueError, match="cell: "):
        Cell.from_json(cell().to_json() | change)


def test_labels_and_guidance_are_part_of_the_key():
    plain = build({"steps": 3})
    uniform = build({"steps": 3}, condition={"class_label": "uniform"})
    guided = build({"steps": 3}, condition={"class_label": "uniform", "guidance": 1.5})
    assert len({cell.key for cell in (plain, uniform, guided)}) == 3
    assert len({cell.work_key for cell in (plain, uniform, guided)}) == 3
    assert uniform.explain(guided) == ["condition.guidance: absent != 1.5"]
    again = Cell.from_json(json.loads(json.dumps(guided.to_json())))
    assert again == guided
    assert again.key == guided.key


def test_cells_of_unconditional_models_do_not_mention_labels():
    assert "condition" not in build({"steps": 3}).to_json()
    assert build({"steps": 3}, condition={}).key == build({"steps": 3}).key


def test_only_metrics_of_the_same_samples_share_their_shards():
    def key(metric, reference="one"):
        parts = {"rule": {"name": "heun"}}
        if metric in {"local-error", "curvature"}:
            parts["measurement"] = {"levels": [1.0]}
        fields = {"precision": "float32", "metric": metric, "reference": reference}
        return Cell("m", parts, seed_start=0, samples=20, **fields).work_key

    assert key("fid") == key("recall", "other") == key("truncation-error")
    alone = [("local-error", "one"), ("local-error", "other"), ("curvature", "one")]
    assert len({key("fid"), *(key(*each) for each in alone)}) == 4


@pytest.mark.parametrize("wrong", [{"rules": {"name": "x"}}, {"rule": {}}, {"rule": "heun"}])
def test_a_sampler_is_told_in_known_parts(wrong):
    with pytest.raises(ValueError, match=r"cell: (unknown sampler|sampler\.rule must)"):
        Cell(
            model_digest="m",
            sampler=wrong,
            seed_start=0,
            samples=1,
            precision="float32",
            metric="fid",
        )


@pytest.mark.parametrize(
    "name", ["quantizer", "extractor", "extractor_digest", "reference", "reference_digest"]
)
def test_what_says_nothing_is_in_no_key(cell, name):
    neutral = "" if name.endswith("digest") else "none"
    assert name not in cell(**{name: neutral}).to_json()
    assert cell(**{name: neutral}).key != cell().key
