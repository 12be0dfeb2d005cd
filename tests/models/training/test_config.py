"""Configurations: what they say, what they differ in, and what is refused."""

import tomllib

import pytest

from sampler_bench.models.training import CONFIGURATIONS
from sampler_bench.models.training.config import Configuration, Parts, read, shipped

CHAINS = [("", "vp"), ("", "ve"), ("table2-", "vp"), ("table2-", "ve")]
NOT_LEARNED = {"name"}


def flat(values, before=""):
    found = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found |= flat(value, f"{before}{key}.")
        else:
            found[before + key] = value
    return found


def tables(name):
    return flat(read(name).model_dump(mode="json"))


def differing(one, other):
    a, b = tables(one), tables(other)
    return {key for key in a.keys() | b.keys() if a.get(key) != b.get(key)} - NOT_LEARNED


EDM_NOISE = {"noise.name", "noise.P_mean", "noise.P_std", "loss.name", "loss.sigma_data"}
STEPS = {
    "ab": {
        "network.dropout",
        "optimizer.lr",
        "optimizer.ramp_images",
        "optimizer.clip_norm",
        "ema.half_life_images",
        "training.batch",
        "data.xflip",
    },
    "bc": {"network.channel_mult"},
    "cd": {"preconditioning.name", "preconditioning.sigma_data"},
    "de": EDM_NOISE,
    "ef": {"augmentation.probability", "augmentation.flips"},
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("prefix", "kind"), CHAINS)
def test_each_configuration_differs_from_the_one_before_where_the_paper_says(prefix, kind, step):
    one, other = (f"{prefix}{letter}-{kind}" for letter in step)
    assert differing(one, other) == STEPS[step]


@pytest.mark.parametrize(("prefix", "letter"), [(p, x) for p in ("", "table2-") for x in "def"])
def test_vp_and_ve_share_everything_but_what_they_are(prefix, letter):
    found = differing(f"{prefix}{letter}-vp", f"{prefix}{letter}-ve")
    network = {"embedding_type", "channel_mult_noise", "encoder_type", "resample_filter"}
    expected = {f"network.{key}" for key in network} | ({"noise.name"} if letter == "d" else set())
    assert found == expected


def test_adm_differs_in_its_formulation_alone():
    assert differing("edm-adm", "adm-iddpm") == {
        "preconditioning.name",
        "preconditioning.sigma_data",
        *EDM_NOISE,
    }


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_configuration_can_be_built(name):
    configuration = read(name)
    assert configuration.name == name
    side = 64 if "adm" in name and "fashion" not in name else 32
    if name.startswith(("fashion", "table2")):
        side = 28 if name.startswith("fashion") else 16
    shape = (1 if side in {16, 28} else 3, side, side)
    Parts(configuration, shape, 10 if configuration.data.labels else 0)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("a-vp", 61_804_419), ("a-ve", 62_758_787), ("f-vp", 55_733_891), ("f-ve", 56_397_827)],
)
def test_the_paper_s_networks_have_its_number_of_parameters(name, parameters):
    from sampler_bench.models.networks import build

    configuration = read(name)
    parts = Parts(configuration, (3, 32, 32), 0)
    # The released baseline was built for augmentation labels, too, as the counts of all are.
    arguments = parts.arguments | {"augment_dim": 9 if name.startswith("f") else 0}
    network = build(configuration.network.name, arguments)
    assert sum(p.numel() for p in network.parameters()) == parameters


MINIMAL = """
name = "x"
[network]
name = "SongUNet"
model_channels = 8
channel_mult = [1]
num_blocks = 1
attn_resolutions = []
[preconditioning]
name = "edm"
[noise]
name = "edm"
[loss]
name = "edm"
[optimizer]
lr = 1e-3
[training]
images = 100
[data]
source = "x.npz"
"""


def written(folder, text, name="x.toml"):
    path = folder / name
    path.write_text(text, "utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lr = 1e-3", "lr = -1.0", r"optimizer\.lr = -1\.0 .*above 0"),
        ("lr = 1e-3", "lr = nan", r"optimizer\.lr = nan"),
        ("lr = 1e-3", 'lr = "fast"', r"optimizer\.lr = 'fast'"),
        ("lr = 1e-3", "lrr = 1e-3", r"optimizer\.lr' is missing|did you mean 'optimizer\.lr'"),
        (
            "images = 100",
            "images = 100\nbach = 3",
            r"'training\.bach'; did you mean 'training\.batch'",
        ),
        ("[loss]", "[loss]\nsigma = 1.0", r"\[loss\]: loss edm: unknown constant 'sigma'"),
        ("[noise]", "[noise]\nP_mean = true", r"\[noise\]: .*P_mean = True"),
        ("[noise]", "[noise]\nP_std = -1.0", r"\[noise\]: .*P_std"),
        ('[loss]\nname = "edm"', '[loss]\nname = "edn"', r"\[loss\]: unknown loss 'edn'; did you"),
        ('name = "SongUNet"', 'name = "SongUnet"', r"\[network\]: .*did you mean 'SongUNet'"),
        ("num_blocks = 1", "num_block = 1", r"\[network\]: .*did you mean 'num_blocks'"),
        ("num_blocks = 1", "img_channels = 1", r"network\.img_channels: follows from the data"),
        ("images = 100", "images = 0", r"training\.images = 0"),
        ("images = 100", 'images = 100\nprecision = "fp16"', r"training\.precision = 'fp16'"),
        ('name = "x"', 'name = "../x"', r"name = '\.\./x'"),
        (
            "lr = 1e-3",
            "lr = 1e-3\nramp_images = 50\ncooldown_images = 51",
            r"x\.toml: optimizer\.cooldown_images = 51 .*at most training\.images = 100",
        ),
        ("[data]", "[data", r"not TOML"),
        ('name = "x"', 'name = "x"\nextends = 3', r"extends = 3"),
        ('name = "x"', 'name = "x"\nextends = "a-vq"', r"did you mean|no such file"),
        ('name = "x"', 'name = "x"\nextends = "x.toml"', r"extends itself"),
    ],
)
def test_bad_configurations_are_refused_in_one_line(tmp_path, old, new, message):
    assert old in MINIMAL
    path = written(tmp_path, MINIMAL.replace(old, new, 1))
    with pytest.raises(ValueError, match=message) as caught:
        Parts(read(path), (1, 8, 8))
    assert "\n" not in str(caught.value)


def test_minimal_is_good(tmp_path):
    Parts(read(written(tmp_path, MINIMAL)), (1, 8, 8))


def test_a_file_can_extend_a_shipped_one_and_its_neighbour(tmp_path):
    written(tmp_path, 'extends = "f-vp"\nname = "mine"\n[optimizer]\nlr = 5e-4\n', "mine.toml")
    second = 'extends = "mine.toml"\nname = "second"\n[noise]\nname = "vp"\n'
    found = read(written(tmp_path, second, "second.toml"))
    assert found.optimizer.lr == 5e-4
    assert found.optimizer.ramp_images == 10_000_000
    assert found.noise.constants == {}  # another noise: none of EDM's constants are left


ROUNDS = {
    "itself": {"c.toml": "c.toml"},
    "itself, a folder down": {"c.toml": "base/../c.toml", "base/x": None},
    "two": {"c.toml": "d.toml", "d.toml": "c.toml"},
    "a folder down and up": {"c.toml": "base/d.toml", "base/d.toml": "../c.toml"},
    "three folders": {
        **{"c.toml": "a/d.toml", "a/d.toml": "../b/e.toml"},
        "b/e.toml": "../a/../c.toml",
    },
    "begun outside": {"c.toml": "a/d.toml", "a/d.toml": "b/e.toml", "a/b/e.toml": "../d.toml"},
    "a link to its own folder": {"c.toml": "here/c.toml"},
    "a whole path": {"c.toml": "base/d.toml", "base/d.toml": "ROOT/c.toml"},
}


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("files", ROUNDS.values(), ids=ROUNDS)
def test_files_that_extend_one_another_are_refused(tmp_path, monkeypatch, files, linked):
    """By their real places, whatever they are called on the way; each is named once."""
    root = tmp_path / "real"
    for name, base in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        base = (base or "f-vp").replace("ROOT", str(root))
        (root / name).write_text(f'extends = "{base}"\nname = "c"\n', "utf-8")
    (root / "here").symlink_to(root, target_is_directory=True)
    if linked:
        (tmp_path / "link").symlink_to(root, target_is_directory=True)
    place = tmp_path / ("link" if linked else "real")
    monkeypatch.chdir(tmp_path)
    for given in (place / "c.toml", (place / "c.toml").relative_to(tmp_path)):
        with pytest.raises(ValueError, match=r"toml: extends itself, by way of ") as caught:
            read(str(given))
        assert "\n" not in str(caught.value)
        way = str(caught.value).partition("by way of ")[2].split(", ")
        assert len(way) == len(set(way)) <= len(files)


def test_a_long_chain_of_files_is_refused(tmp_path):
    for k in range(40):
        written(tmp_path, f'extends = "{k + 1}.toml"\n', f"{k}.toml")
    with pytest.raises(ValueError, match=r"32\.toml: extends is followed through 32 files at most"):
        read(str(tmp_path / "0.toml"))


def test_one_file_may_be_extended_by_several(tmp_path):
    """Twice the same name on the way is no round where the places are two."""
    (tmp_path / "below").mkdir()
    written(tmp_path, 'extends = "f-vp"\nname = "one"\n', "x.toml")
    written(tmp_path / "below", 'extends = "../x.toml"\nname = "two"\n', "x.toml")
    assert read(str(tmp_path / "below" / "x.toml")).name == "two"


def test_the_digest_is_of_what_is_learned(tmp_path):
    base = read(written(tmp_path, MINIMAL))
    longer = base.model_copy(update={"training": base.training.model_copy(update={"images": 200})})
    other = base.model_copy(update={"training": base.training.model_copy(update={"seed": 1})})
    assert longer.digest == base.digest != other.digest


def test_files_extend_without_repeating():
    """A key that says again what the extended file says would hide what differs."""
    for name in shipped():
        own = tomllib.loads((CONFIGURATIONS / f"{name}.toml").read_text("utf-8"))
        base = own.pop("extends", None)
        before = read(base).model_dump(mode="json") if base else {}
        for table, values in own.items():
            old = before.get(table)
            if isinstance(old, dict) and values.get("name", old.get("name")) == old.get("name"):
                assert not {key for key, value in values.items() if old.get(key) == value}, name


def test_configurations_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        read("f-vp").name = "g"
    assert isinstance(read("f-vp"), Configuration)


def test_what_is_not_learned_is_not_identity(tmp_path):
    """How often something is written, and where the data lie, make no other run."""
    base = read(written(tmp_path, MINIMAL))
    more = MINIMAL.replace("images = 100", "images = 200\nlog_images = 7\nsnapshot_images = 9")
    assert read(written(tmp_path, more.replace("x.npz", "y.npz"))).identity == base.identity
    learned = (("images = 100", "images = 100\nbatch = 7"), ("[data]", "[data]\nxflip = true"))
    for old, new in learned:
        assert read(written(tmp_path, MINIMAL.replace(old, new))).identity != base.identity


def test_with_a_cooldown_its_end_is_learned(tmp_path):
    slow = MINIMAL.replace("lr = 1e-3", "lr = 1e-3\nramp_images = 0\ncooldown_images = 50")
    base = read(written(tmp_path, slow))
    assert read(written(tmp_path, MINIMAL)).identity != base.identity
    longer = slow.replace("images = 100", "images = 200")
    assert read(written(tmp_path, longer)).identity != base.identity


def test_the_order_of_keys_is_not_identity(tmp_path):
    one, other = (
        read(written(tmp_path, MINIMAL.replace("[noise]", f"[noise]\n{keys}")))
        for keys in ("P_mean = -1.0\nP_std = 1.0", "P_std = 1.0\nP_mean = -1.0")
    )
    assert one.digest == other.digest


def test_a_whole_number_will_do_for_a_float(tmp_path):
    path = written(tmp_path, MINIMAL.replace("[noise]", "[noise]\nP_mean = -1"))
    parts = Parts(read(path), (1, 8, 8))
    assert parts.noise.P_mean == -1


def test_only_what_augments_is_told_to_the_network(tmp_path):
    for probability, told in ((0.0, False), (0.1, True)):
        augmented = f"[augmentation]\nprobability = {probability}\n[optimizer]"
        path = written(tmp_path, MINIMAL.replace("[optimizer]", augmented))
        assert ("augment_dim" in Parts(read(path), (1, 8, 8)).arguments) is told


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000])
def test_names_no_file_can_have_are_unknown(name):
    with pytest.raises(ValueError, match="unknown configuration"):
        read(name)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "x.toml").write_bytes(b"name = '\xff\xfe'")
    with pytest.raises(ValueError, match=r"x\.toml: cannot be read as UTF-8 text"):
        read(str(tmp_path / "x.toml"))
