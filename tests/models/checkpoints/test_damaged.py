"""Files cut short or with a bit flipped: an error in one line, or the checkpoint itself."""

import io

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sampler_bench.models.checkpoints import own
from sampler_bench.models.checkpoints.checkpoint import CheckpointError
from sampler_bench.models.checkpoints.reading import read
from sampler_bench.models.network import assemble
from tests.models.checkpoints import edm_writer
from tests.models.checkpoints.originals import guided_content, score_sde_content
from tests.models.checkpoints.tiny import random_checkpoint

GUIDED = {
    "image_size": 16,
    "num_heads": 2,
    "new_attention_order": False,
    "schedule": "cosine",
    "steps": 1000,
    "rescale_timesteps": False,
}


def saved(content, zipped=True):
    out = io.BytesIO()
    torch.save(content, out, _use_new_zipfile_serialization=zipped)
    return out.getvalue()


def edm(folder):
    checkpoint = random_checkpoint("SongUNet")
    tensors = {f"model.{name}": tensor for name, tensor in checkpoint.tensors.items()}
    arguments = dict(checkpoint.arguments, model_type="SongUNet", label_dim=0)
    edm_writer.write(folder / "edm.pkl", "EDMPrecond", arguments, tensors)
    return (folder / "edm.pkl").read_bytes()


def ours(folder):
    own.write(random_checkpoint("DhariwalUNet", preconditioning="iddpm"), folder / "own")
    return (folder / "own").read_bytes()


# name: how it is written, what the reader is told, and whether the format has a checksum.
FORMATS = {
    "ours": (ours, {}, True),
    "EDM pickle": (edm, {}, False),
    "score_sde": (lambda _: saved(score_sde_content("score_sde-vp-ddpmpp")), {}, True),
    "score_sde, legacy": (
        lambda _: saved(score_sde_content("score_sde-ve-ncsnpp"), False),
        {},
        False,
    ),
    "guided": (lambda _: saved(guided_content("guided-adm-uncond-legacy")), GUIDED, True),
}


class Written:
    """A whole file, what it holds, and a place for its damaged copies."""

    def __init__(self, folder, write, options, self_checking):
        self.content, self.options, self.self_checking = write(folder), options, self_checking
        self.path = folder / "copy"
        self.whole = self.loaded(self.content)

    def loaded(self, content):
        """Return what these bytes are read as; ``None`` if they are refused as they should be."""
        self.path.write_bytes(content)
        try:
            return assemble(read(self.path, self.options))
        except CheckpointError as error:
            assert "\n" not in str(error)
            return None


@pytest.fixture(scope="module", params=FORMATS)
def written(request, tmp_path_factory):
    made = Written(tmp_path_factory.mktemp("damaged"), *FORMATS[request.param])
    assert made.whole is not None
    return made


def many(examples):
    allowed = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(
        max_examples=examples, deadline=None, derandomize=True, suppress_health_check=allowed
    )


@many(20)
@given(st.data())
def test_cut_short(written, data):
    length = data.draw(st.integers(0, len(written.content) - 1))
    assert written.loaded(written.content[:length]) is None


@many(24)
@given(st.data())
def test_a_flipped_bit(written, data):
    # Weights fill most of a file; half of the flips are drawn among its first and last bytes.
    size = len(written.content)
    edge = min(size // 2, 4000)
    first, last = st.integers(0, edge), st.integers(size - edge, size - 1)
    place = data.draw(st.one_of(first, last, st.integers(0, size - 1)))
    content = bytearray(written.content)
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    loaded = written.loaded(bytes(content))
    if loaded is None:
        return
    if written.self_checking:
        assert loaded.digest == written.whole.digest
    else:
        check_one_value(loaded, written.whole)


def check_one_value(loaded, whole):
    """A format without a checksum cannot tell one weight from another: but nothing else changes."""
    assert loaded.shape == whole.shape
    assert (loaded.sigma_min, loaded.sigma_max) == (whole.sigma_min, whole.sigma_max)
    found, expected = loaded.state_dict(), whole.state_dict()
    assert list(found) == list(expected)
    changed = sum(int((found[name] != expected[name]).sum()) for name in expected)
    assert changed <= 1
    assert all(bool(torch.isfinite(tensor).all()) for tensor in found.values())


@many(10)
@given(st.data())
def test_a_hole(written, data):
    """A block of zeros, as a download that was preallocated and never finished leaves."""
    size = len(written.content)
    start = data.draw(st.integers(0, size - 2))
    stop = data.draw(st.integers(start + 1, size))
    content = written.content[:start] + bytes(stop - start) + written.content[stop:]
    loaded = written.loaded(content)
    if loaded is not None and written.self_checking:
        assert loaded.digest == written.whole.digest
