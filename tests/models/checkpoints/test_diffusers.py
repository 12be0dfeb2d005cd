"""diffusers' checkpoints: D against the library's own arithmetic, and what files say or do not."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from sampler_bench.models.checkpoints import diffusers as reader
from sampler_bench.models.checkpoints import own
from sampler_bench.models.checkpoints.checkpoint import CheckpointError
from sampler_bench.models.checkpoints.diffusers_scheduler import BETAS, training
from sampler_bench.models.checkpoints.reading import read
from sampler_bench.models.network import assemble

diffusers = pytest.importorskip("diffusers", reason="needs: pip install 'sampler-bench[diffusers]'")

SMALL = {
    "sample_size": 8,
    "block_out_channels": (16, 32),
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
    "layers_per_block": 1,
    "norm_num_groups": 8,
    "attention_head_dim": 8,
}


def unet(**arguments):
    torch.manual_seed(0)
    return diffusers.UNet2DModel(**{**SMALL, **arguments}).eval()


@pytest.fixture
def pipeline(tmp_path):
    """Return a function that saves a network and a scheduler as diffusers does."""

    def save(network, scheduler, root=tmp_path / "pipeline"):
        network.save_pretrained(root / "unet")
        scheduler.save_pretrained(root / "scheduler")
        index = {"_class_name": "DDPMPipeline", "unet": ["diffusers", "UNet2DModel"]}
        (root / "model_index.json").write_text(json.dumps(index))
        return root

    return save


@pytest.fixture
def folder(pipeline):
    return pipeline(unet(), diffusers.DDPMScheduler())


def refusal(path, **options):
    with pytest.raises(CheckpointError) as caught:
        reader.read(path, options)
    message = str(caught.value)
    assert str(path.name) in message and "\n" not in message
    return message


def edit(path, **changes):
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, **changes}))


def noisy(batch=2, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, 3, 8, 8, generator=generator)


def close(ours, theirs):
    return float((ours - theirs).abs().max()) < 1e-5 * float(theirs.abs().max())


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize(
    ("scheduler", "settings"),
    [
        ("DDPMScheduler", {}),
        ("DDIMScheduler", {"beta_schedule": "scaled_linear", "beta_end": 0.012}),
        ("DDPMScheduler", {"beta_schedule": "squaredcos_cap_v2", "num_train_timesteps": 500}),
        ("DDPMScheduler", {"beta_schedule": "sigmoid"}),
        ("DDIMScheduler", {"trained_betas": [0.001 * (i + 1) for i in range(100)],
                           "num_train_timesteps": 100}),
        ("DDIMScheduler", {"rescale_betas_zero_snr": True}),
    ],
)  # fmt: skip
def test_d_is_the_schedulers_pred_original_sample(pipeline, prediction, scheduler, settings):
    network = unet()
    theirs = getattr(diffusers, scheduler)(
        clip_sample=False, prediction_type=prediction, **settings
    )
    denoiser = assemble(reader.read(pipeline(network, theirs), {}))
    steps = theirs.config.num_train_timesteps
    theirs.set_timesteps(steps)
    levels = denoiser.preconditioning.levels
    infinite = settings.get("rescale_betas_zero_snr", False)
    assert len(levels) == steps - infinite
    for t in (0, 1, steps // 3, steps - 2, *([] if infinite else [steps - 1])):
        x_t = noisy()
        with torch.inference_mode():
            output = network(x_t, t).sample
            want = theirs.step(output, t, x_t).pred_original_sample
            sigma = levels[t]
            ours = denoiser(x_t * (1 + sigma**2).sqrt(), sigma)
        assert close(ours, want), t
        abar = theirs.alphas_cumprod[t]
        assert float(sigma) == pytest.approx(float(((1 - abar) / abar).sqrt()), rel=1e-4)


def test_d_is_edm_eulers_pred_original_sample(pipeline):
    network = unet()
    theirs = diffusers.EDMEulerScheduler(sigma_min=0.01, sigma_max=50.0, sigma_data=0.7)
    denoiser = assemble(reader.read(pipeline(network, theirs), {}))
    assert (denoiser.sigma_min, denoiser.sigma_max) == (0.01, 50.0)
    theirs.set_timesteps(6)
    for t, sigma in zip(theirs.timesteps, theirs.sigmas, strict=False):
        x = noisy() * sigma
        with torch.inference_mode():
            output = network(theirs.scale_model_input(x, t), t).sample
            want = theirs.step(output, t, x).pred_original_sample
            assert close(denoiser(x, sigma), want)


def test_classes_of_a_class_conditional_network(pipeline):
    network = unet(num_class_embeds=7)
    denoiser = assemble(reader.read(pipeline(network, diffusers.DDPMScheduler()), {}))
    assert denoiser.label_dim == 7
    classes, sigma = torch.tensor([2, 5]), denoiser.preconditioning.levels[300]
    scaled = noisy() / (1 + sigma**2).sqrt()
    with torch.inference_mode():
        want = noisy() - sigma * network(scaled, 300, classes).sample
        assert close(denoiser(noisy(), sigma, classes), want)
        for none in (None, torch.zeros(2, 7)):
            with pytest.raises(ValueError, match="needs a class for each image"):
                denoiser(noisy(), sigma, none)


def test_learned_timesteps_and_a_learned_variance(pipeline):
    network = unet(time_embedding_type="learned", num_train_timesteps=1000, out_channels=6)
    denoiser = assemble(reader.read(pipeline(network, diffusers.DDPMScheduler()), {}))
    sigma = denoiser.preconditioning.levels[300]
    with torch.inference_mode():
        output = network(noisy() / (1 + sigma**2).sqrt(), torch.tensor([300, 300])).sample
        assert close(denoiser(noisy(), sigma), noisy() - sigma * output[:, :3])


def test_half_precision_and_our_own_format_afterwards(pipeline, tmp_path):
    found = reader.read(pipeline(unet().half(), diffusers.DDPMScheduler()), {})
    assert {tensor.dtype for tensor in found.tensors.values()} == {torch.float16}
    own.write(found, tmp_path / "a.safetensors")
    assert assemble(own.read(tmp_path / "a.safetensors", {})).digest == assemble(found).digest


def in_root(folder):
    """Lay a pipeline out as older repositories do: everything in the root."""
    for file in [*(folder / "unet").iterdir(), *(folder / "scheduler").iterdir()]:
        file.rename(folder / file.name)
    shutil.rmtree(folder / "unet")
    shutil.rmtree(folder / "scheduler")
    (folder / "model_index.json").unlink()
    return folder


def as_bin(folder):
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(file), file.with_suffix(".bin"))
    file.unlink()
    return folder


def as_legacy_bin(folder):
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(file), file.with_suffix(".bin"), _use_new_zipfile_serialization=False)
    file.unlink()
    return folder / "unet" / "diffusion_pytorch_model.bin"


def with_old_attention(folder):
    """Name attention's tensors as before diffusers 0.15."""
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    new = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = load_file(file)
    for present, old in new.items():
        tensors = {k.replace(f".{present}.", f".{old}."): v for k, v in tensors.items()}
    assert any(".query." in name for name in tensors)
    save_file(tensors, file)
    return folder


LAYOUTS = {
    "root": in_root,
    "bin": as_bin,
    "legacy-bin": as_legacy_bin,
    "unet": lambda folder: folder / "unet",
    "file": lambda folder: folder / "unet" / "diffusion_pytorch_model.safetensors",
    "bin-file": lambda folder: as_bin(folder) / "unet" / "diffusion_pytorch_model.bin",
    "old-attention": with_old_attention,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_are_the_same_model(folder, layout):
    digest = assemble(reader.read(folder, {})).digest
    moved = LAYOUTS[layout](folder)
    assert reader.recognises(moved)
    found = reader.read(moved, {})
    assert assemble(found).digest == digest
    assert "not recorded" in found.notes["ema"]
    assert "clips D" in found.notes["clipping"] and found.notes["scheduler"] == "DDPMScheduler"


def test_safetensors_go_before_pickles(folder):
    (folder / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"never opened")
    assert reader.read(folder, {}).notes["weights"] == "diffusion_pytorch_model.safetensors"


def test_arguments_left_to_defaults_are_the_same_model(folder):
    config = folder / "unet" / "config.json"
    before = assemble(reader.read(folder, {})).digest
    short = json.loads(config.read_text())
    for key in ("dropout", "act_fn", "in_channels", "add_attention", "norm_eps"):
        del short[key]
    config.write_text(json.dumps(short))
    assert assemble(reader.read(folder, {})).digest == before


def test_defaults_are_the_librarys():
    config = dict(diffusers.UNet2DModel.from_config({**SMALL}).config)
    theirs = {key: list(v) if isinstance(v, tuple) else v for key, v in config.items()}
    ours = reader.checked(SMALL)
    assert {k: theirs[k] for k in ours} == ours
    assert set(theirs) - set(ours) <= {"_use_default_values"}


HERE = sorted(
    {*BETAS} - {"GaussianDDPMScheduler", "DPMSolverSDEScheduler"}  # removed; needs torchsde
)


@pytest.mark.parametrize("name", HERE)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # between diffusers and NumPy
def test_defaults_of_schedulers_are_the_librarys(name):
    config = getattr(diffusers, name)().config
    ours = training({"_class_name": name}, {}, "here").constants
    assert (ours["schedule"], ours["beta_start"], ours["beta_end"], ours["M"]) == (
        config.beta_schedule, config.beta_start, config.beta_end, config.num_train_timesteps
    )  # fmt: skip


def test_names_of_the_first_versions(folder):
    scheduler = {"_class_name": "GaussianDDPMScheduler", "timesteps": 200, "beta_end": 0.05}
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
    constants = reader.read(folder, {}).constants
    assert (constants["M"], constants["beta_end"], constants["schedule"]) == (200, 0.05, "linear")


def test_a_moving_average_is_preferred_and_said(folder):
    unet(norm_eps=1e-4).save_pretrained(folder / "unet_ema")
    edit(folder / "unet_ema" / "config.json", decay=0.9999, optimization_step=1000)
    found = reader.read(folder, {})
    assert found.arguments["norm_eps"] == 1e-4
    assert found.notes["ema"].startswith("yes") and "decay = 0.9999" in found.notes["ema"]
    assert "ignored" not in found.notes


def test_what_variants_say_of_the_average(folder):
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    other = file.with_name("diffusion_pytorch_model.non_ema.safetensors")
    shutil.copy(file, other)
    assert reader.read(folder, {}).notes["ema"].startswith("yes")
    assert reader.read(other, {}).notes["ema"].startswith("no")


def test_without_a_scheduler_options_are_asked_for(folder):
    shutil.rmtree(folder / "scheduler")
    said = refusal(folder)
    assert "schedule (linear" in said and "prediction" in said
    found = reader.read(folder, {"schedule": "linear", "prediction": "v_prediction"})
    assert found.constants["prediction"] == "v_prediction" and found.constants["beta_end"] == 0.02
    found = reader.read(folder, {"schedule": "edm", "sigma-data": 0.6})
    assert found.preconditioning == "edm" and found.constants["sigma_data"] == 0.6
    found = reader.read(folder, {"schedule": "edm"})
    assert found.constants == {"sigma_min": 0.002, "sigma_max": 80.0, "sigma_data": 0.5}


def test_options_override_and_are_noted(folder):
    found = reader.read(folder, {"prediction": "sample", "steps": 500, "image_size": 16})
    assert found.constants["prediction"] == "sample" and found.constants["M"] == 500
    assert found.arguments["sample_size"] == 16
    assert found.notes["options"] == "prediction = sample, steps = 500"
    assert "did you mean 'prediction'" in refusal(folder, predictions="sample")


UNET, SCHEDULER = "unet/config.json", "scheduler/scheduler_config.json"


@pytest.mark.parametrize(
    ("file", "changes", "said"),
    [
        (UNET, {"_class_name": "UNet2DConditionModel"}, "_class_name = 'UNet2DConditionModel'"),
        (UNET, {"sample_size": None}, "option is needed: image_size"),
        (UNET, {"sample_size": [8, 16]}, "sample_size = [8, 16]"),
        (UNET, {"sample_size": 9}, "sample_size = 9 cannot be halved"),
        (UNET, {"sample_size": 10**9}, "sample_size = 1000000000"),
        (UNET, {"center_input_sample": True}, "center_input_sample = True"),
        (UNET, {"time_embedding_type": "fourier"}, "time_embedding_type = 'fourier'"),
        (UNET, {"class_embed_type": "timestep"}, "class_embed_type = 'timestep'"),
        (UNET, {"block_out_channels": [16, 10**7]}, "block_out_channels"),
        (UNET, {"layers_per_block": 10**6}, "layers_per_block = 1000000"),
        (SCHEDULER, {"_class_name": "ScoreSdeVeScheduler"}, "'ScoreSdeVeScheduler'"),
        (SCHEDULER, {"_class_name": ["DDPMScheduler"]}, "_class_name"),
        (SCHEDULER, {"use_flow_sigmas": True}, "use_flow_sigmas = True"),
        (SCHEDULER, {"timestep_type": "continuous"}, "timestep_type = 'continuous'"),
        (SCHEDULER, {"timestep_type": ["continuous"]}, "timestep_type"),
        ("model_index.json", {"vqvae": ["diffusers", "VQModel"]}, "denoises latents"),
    ],
)
def test_configurations_that_are_refused(folder, file, changes, said):
    edit(folder / file, **changes)
    with pytest.raises(CheckpointError, match=r"^[^\n]*$") as caught:
        reader.read(folder, {})
    assert said in str(caught.value) and str(folder / file) in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"beta_schedule": "laplace"}, "unknown schedule 'laplace'"),
        ({"prediction_type": "flow_prediction"}, "unknown prediction 'flow_prediction'"),
        ({"trained_betas": "abc"}, "M = 0"),
        ({"trained_betas": [0.1, "a"]}, "betas[1] = 'a' is not allowed"),
        ({"beta_end": None}, "beta_end = None"),
    ],
)
def test_schedulers_that_cannot_be(folder, changes, said):
    edit(folder / SCHEDULER, **changes)
    with pytest.raises(CheckpointError, match=r"^[^\n]*$") as caught:
        assemble(reader.read(folder, {}))
    assert said in str(caught.value)


def test_edm_with_another_prediction(folder):
    edit(folder / SCHEDULER, _class_name="EDMEulerScheduler", prediction_type="v_prediction")
    with pytest.raises(CheckpointError, match="prediction_type = 'v_prediction'"):
        reader.read(folder, {})


@pytest.mark.parametrize("text", ["", "[]", "{", "\ufeff", "[" * 100_000])
def test_configurations_that_are_no_json(folder, text):
    for file in (UNET, SCHEDULER, "model_index.json"):
        before = (folder / file).read_text()
        (folder / file).write_text(text)
        assert "JSON" in refusal(folder)
        (folder / file).write_text(before)


def test_what_is_missing_is_named(folder, tmp_path):
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    alone = tmp_path / "alone.safetensors"
    shutil.copy(file, alone)
    assert reader.recognises(alone)
    assert "config.json beside it" in refusal(alone)
    file.rename(file.with_name("diffusion_pytorch_model-00001-of-00002.safetensors"))
    with pytest.raises(CheckpointError, match=r"unet: there is no diffusion_pytorch_model"):
        reader.read(folder, {})
    (folder / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text("{}")
    with pytest.raises(CheckpointError, match="has no weight_map"):
        reader.read(folder, {})
    (folder / "unet" / "config.json").unlink()
    assert "no config.json in unet_ema, unet" in refusal(folder)


def test_a_directory_of_something_else(tmp_path):
    with pytest.raises(CheckpointError, match=r"without diffusers' model_index.json"):
        read(tmp_path)


def test_what_is_not_recognised(tmp_path):
    assert not reader.recognises(tmp_path)
    file = tmp_path / "file"
    for content in (b"", b"\x80\x03}.", b"text", b"\xff" * 50):
        file.write_bytes(content)
        assert not reader.recognises(file)
    save_file({"a": torch.zeros(1)}, file)
    assert not reader.recognises(file)
    for value in ({"a": torch.zeros(1)}, torch.zeros(2)):
        torch.save(value, file)
        assert not reader.recognises(file)


def test_damaged_weights(folder):
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    whole = file.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:100], b"", b"\x80\x03}."):
        file.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"^[^\n]*$"):
            reader.read(folder, {})


def test_without_the_library_one_line_says_what_to_type(folder):
    code = (
        "import sys; sys.modules['diffusers'] = None\n"
        "from pathlib import Path\n"
        "from sampler_bench.models.checkpoints.reading import read\n"
        "from sampler_bench.models.network import assemble\n"
        "try: assemble(read(Path(sys.argv[1])))\n"
        "except ValueError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("\n") == 1
    assert "pip install 'sampler-bench[diffusers]'" in done.stdout


# ---- which files are the network ----------------------------------------------------------------


def sharded(root, seed=7, **how):
    """Save another network beside what lies in ``root``, in shards; return its tensors."""
    torch.manual_seed(seed)
    network = diffusers.UNet2DModel(**SMALL)
    network.save_pretrained(root / "unet", max_shard_size="20KB", **how)
    return network.state_dict()


def holds(checkpoint, tensors):
    found = {name.removeprefix("unet."): value for name, value in checkpoint.tensors.items()}
    return found.keys() == tensors.keys() and all(torch.equal(found[n], tensors[n]) for n in found)


@pytest.mark.parametrize("how", [{}, {"variant": "fp16"}, {"safe_serialization": False}])
def test_shards_are_read_by_their_index(tmp_path, how):
    diffusers.DDPMScheduler().save_pretrained(tmp_path / "scheduler")
    tensors = sharded(tmp_path, **how)
    (index,) = (tmp_path / "unet").glob("*.index*.json")
    assert len(list((tmp_path / "unet").iterdir())) > 3
    for path in (tmp_path, tmp_path / "unet", index):
        assert holds(read(path), tensors)
    theirs = diffusers.UNet2DModel.from_pretrained(
        tmp_path / "unet",
        variant=how.get("variant"),
        use_safetensors=how.get("safe_serialization", True),
    )
    assert holds(read(tmp_path), theirs.state_dict())


def test_an_old_file_beside_newer_shards_is_not_guessed(folder):
    single = folder / "unet" / "diffusion_pytorch_model.safetensors"
    index = single.with_name(f"{single.name}.index.json")
    content = single.read_bytes()
    tensors = sharded(folder)
    single.write_bytes(content)
    assert f"{single.name} and {index.name}" in refusal(folder / "unet")
    assert holds(read(index), tensors)
    assert holds(read(single), load_file(single))
    index.unlink()
    assert holds(read(folder), load_file(single))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: {**m, "conv_in.bias": "../x.safetensors"}, "no file beside it"),
        (lambda m: {**m, "conv_in.bias": ["x"]}, "no file beside it"),
        (lambda m: {**m, "conv_in.bias": "gone.safetensors"}, "gone.safetensors, which is not"),
        (lambda m: {k: v for k, v in m.items() if k != "conv_in.bias"}, "first is 'conv_in.bias'"),
        (lambda m: {**m, "more": m["conv_in.bias"]}, "first is 'more'"),
        (lambda m: [], "has no weight_map"),
    ],
)
def test_an_index_that_is_not_its_files(tmp_path, change, said):
    diffusers.DDPMScheduler().save_pretrained(tmp_path / "scheduler")
    sharded(tmp_path)
    index = tmp_path / "unet" / "diffusion_pytorch_model.safetensors.index.json"
    edit(index, weight_map=change(json.loads(index.read_text())["weight_map"]))
    assert said in refusal(index)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model._orig_mod."])
@pytest.mark.parametrize("ending", ["safetensors", "bin"])
def test_wrapped_networks(folder, prefix, ending):
    plain = read(folder)
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = {f"{prefix}{name}": value for name, value in load_file(file).items()}
    file.unlink()
    if ending == "bin":
        torch.save({"state_dict": tensors}, file.with_suffix(".bin"))
    else:
        save_file(tensors, file)
    for path in (folder, file.with_suffix(f".{ending}")):
        assert holds(read(path), {n.removeprefix("unet."): v for n, v in plain.tensors.items()})


@pytest.mark.parametrize(("channels", "out"), [(6, 3), (4, 3), (1, 3), (3, 1), (3, 9)])
def test_input_that_is_a_condition_is_no_image(pipeline, channels, out):
    folder = pipeline(unet(in_channels=channels, out_channels=out), diffusers.DDPMScheduler())
    where = folder / "unet" / "config.json"
    with pytest.raises(CheckpointError, match=rf"in_channels = {channels}, out_channels = {out}:"):
        reader.read(folder, {})
    edit(where, in_channels=3, out_channels=6)
    reader.read(folder, {})
