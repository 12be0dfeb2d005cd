"""What stored results and files go by: computed once, and never to change unnoticed."""

import pytest

from sampler_bench import models
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.models.checkpoints import own
from sampler_bench.models.digest import content_digest
from sampler_bench.models.networks import build
from sampler_bench.models.preconditioning import precondition
from sampler_bench.models.published import PUBLISHED
from sampler_bench.models.training.config import read
from sampler_bench.models.zoo.trained import TRAINED


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("fashion-adm", "d4b5d8c3dff4fe25ad75f35caafa9b66c07113293c287b80f6ba586c2ade41b6"),
        ("table2-a-vp", "567c84f846fa9b4ab87fca9d11a160c89d0060b4075a35093ef7ee4dc33b1ff4"),
    ],
)
def test_networks_that_ship_keep_their_digests(name, digest):
    assert models.load(name).digest == digest


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        (
            "edm-cifar10-32x32-cond-vp",
            "75828d1ea610576eef2145022b6b0884dab874fd74f5a0ab6f131d16e0234f67",
        ),
        (
            "iddpm-imagenet-64x64-cond",
            "246811212a77278a84677d691ae4ade41ddacb686059735d5517efea1fc15963",
        ),
        (
            "ddpm-cifar10-32x32-uncond",
            "94db2c97be4e2a56578339f7e38e02de488235ecaf46b9cb46fe3c1d508985c4",
        ),
    ],
)
def test_published_structures_keep_their_digests(name, digest):
    """Of networks of every kind, with the arguments and constants they are listed with."""
    row = PUBLISHED[name]
    tensors = build(row.network, row.arguments).state_dict()
    made = precondition(row.preconditioning, row.constants)
    assert content_digest(row.network, row.arguments, made, tensors) == digest


@pytest.mark.parametrize("name", ["fashion-adm", "table2-b-ve"])
def test_a_network_that_ships_is_written_again_byte_by_byte(name, tmp_path):
    own.write(own.read(TRAINED[name]), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == TRAINED[name].read_bytes()


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("fashion-edm-vp", "6a2a370fc1774be539114b8703ba667570484a3e21af835338a487e5a08aad8c"),
        ("table2-a-vp", "036d78d710ba76232225e3c26c1679d1a2e68de6b8e7005b5f51583c80d64480"),
    ],
)
def test_training_configurations_keep_their_digests(name, digest):
    assert read(name).digest == digest


@pytest.mark.parametrize(
    ("grid", "label", "key"),
    [
        ("quick", "Reimplementation (VP)", "14b25cb40e6724c5"),
        ("quick", "Black-box RK45", "1611b9c7d6ae348f"),
        ("figure4a-fashion", "Jolicoeur-Martineau et al.", "993f0010a7a7e366"),
        ("curvature-exact", "σ(t) = t, VP's s(t)", "db06c13dd8d2e46f"),
    ],
)
def test_cells_of_grids_that_ship_keep_their_keys(grid, label, key):
    plan = plans.make(grids.read(grid)[0])
    found = {cell.key: work.label for work in plan.work for cell in work.cells}
    assert found.get(key) == label
