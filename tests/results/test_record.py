import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sampler_bench.results import Record
from sampler_bench.results.record import read
from sampler_bench.results.schema import Code

FLOATS = st.floats(-1e6, 1e6)


def test_json_round_trip(record):
    receipt = {"index": 0, "digest": "ab", "n": 50, "nfe_total": 1750.0, "seconds": 0.1}
    code = Code(digest="0123456789ab", names={"solvers.steps.heun": "89abcdef"})
    one = record(shards=({**receipt, "checks": {"trace": 1.5}},), code=code, kept=True)
    assert Record.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_a_file_says_the_digest_of_its_own_bytes(record, tmp_path):
    """Any bit of it that flips is seen: of the digest too, of names, and of white space."""
    one = record()
    path = tmp_path / one.file_name
    path.write_text(one.text())
    assert read(path) == one
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.choice(8 * len(whole), 300, replace=False):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        with pytest.raises(ValueError, match="not a readable record"):
            read(path)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="SHA-256"):
        read(path)


def test_a_record_under_another_ones_name_is_refused(record, cell, tmp_path):
    """By the cell's key, and by the digest of what was measured."""
    for other in (record(cell=cell(samples=10)), record(value=2.0)):
        path = tmp_path / other.file_name
        path.write_text(record().text())
        with pytest.raises(ValueError, match="holds another record"):
            read(path)


@given(values=st.lists(FLOATS, min_size=2, max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_jackknife_of_a_mean_is_its_standard_error(record, values):
    total, n = sum(values), len(values)
    loo = tuple((total - value) / (n - 1) for value in values)
    expected = np.std(values, ddof=1) / math.sqrt(n)
    assert record(loo=loo).se == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("size", [1e153, 1e155, 1e161, 1e300])
def test_the_error_of_values_too_large_to_be_squared(record, size):
    loo = (1.0, 1.5, 1.75, -0.25)
    expected = size * record(loo=loo).se
    assert record(loo=tuple(size * x for x in loo)).se == pytest.approx(expected, rel=1e-12)


def test_the_error_of_the_largest_values_there_are(record):
    assert record(loo=(1.7e308, -1.7e308) * 10).se > 1e308


def test_without_left_out_values_there_is_no_error_bar(record):
    assert math.isnan(record(loo=()).se)


@pytest.mark.parametrize("change", [{"value": math.nan}, {"loo": (1.0, math.inf)}])
def test_values_that_are_not_finite_are_refused(record, change):
    with pytest.raises(ValueError, match=r"'Heun'.*not finite"):
        record(**change)


def test_missing_fields_are_one_line(record):
    data = record().to_json()
    del data["nfe"]
    with pytest.raises(ValueError, match="key 'nfe' is missing"):
        Record.from_json(data)


def test_digest_ignores_what_is_not_measured(record):
    assert record(label="other", seconds=9.0, provenance={}).digest == record().digest
    assert record(value=12.6).digest != record().digest


PROFILE = {"sigma": (1.0, 0.1), "mean": (0.5, 0.25)}


def test_a_profile_is_kept_and_is_part_of_what_was_measured(record):
    one = record(profile=PROFILE)
    back = Record.from_json(json.loads(json.dumps(one.to_json())))
    assert back.profile == {"sigma": [1.0, 0.1], "mean": [0.5, 0.25]}
    assert back.digest == one.digest
    other = {**PROFILE, "mean": (0.5, 0.26)}
    assert len({record(profile=each).digest for each in ({}, PROFILE, other)}) == 3


def test_records_without_a_profile_are_what_they_were_before_there_were_any(record):
    assert "profile" not in record().to_json()
    assert record().digest == "6a7e8d1e15f0"


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ({"sigma": (1.0, 0.1), "mean": (0.5,)}, "different lengths: sigma 2, mean 1"),
        ({"sigma": (1.0, math.nan)}, "not finite"),
    ],
)
def test_profiles_that_cannot_be_drawn_are_refused(record, profile, message):
    with pytest.raises(ValueError, match=message):
        record(profile=profile)
