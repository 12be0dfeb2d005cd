"""What is said of a name that there is not."""

from sampler_bench.kit.names import unknown


def test_of_many_names_only_the_nearest_are_listed():
    known = [f"name-{i:03d}" for i in range(100)]
    said = unknown("name-05", known, "thing")
    assert "did you mean 'name-0" in said and said.endswith(" and 88 others)")
    assert said.count("name-0") > 10 and len(said) < 300
    assert unknown("x", known[:20], "thing").count("name-") == 20
