"""`auffusion train vae` on real sounds: what it learns, how it goes on, and what it leaves."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from auffusion.config import config_text, read_config
from auffusion.data.preparation import Preparation
from auffusion.data.preparers.folder import FOLDER
from auffusion.errors import InputError
from auffusion.executor import SerialExecutor
from auffusion.pipeline import AuffusionPipeline, tiny_pipeline
from auffusion.train.kinds import KINDS
from auffusion.train.loop import Ending
from auffusion.train.vae_run import VaeConfig, vae_task

SOUNDS = Path(__file__).parents[1] / "sounds"
QUICK = (
    "loop.tracker=none",
    "loop.batch=2",
    "objective.frames=32",
    "listening.split=train",
    "listening.shown=1",
    "listening.measured=2",
    "listening.seconds=0.5",
)
SMALL = (
    "kl.block_out_channels=[8, 8, 16]",
    "kl.layers_per_block=1",
    "kl.norm_num_groups=4",
    *QUICK,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four real clips."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "source").mkdir()
    rows = ["file_name,caption"]
    for name in ("bell", "drums", "guitar", "steam"):
        samples, rate = soundfile.read(SOUNDS / f"{name}.flac", dtype="float32")
        soundfile.write(folder / f"source/{name}.wav", np.resize(samples, rate), rate)
        rows.append(f"{name}.wav,a {name}")
    (folder / "source/metadata.csv").write_text("\n".join(rows))
    Preparation(data_set=FOLDER, source=folder / "source", output=folder / "out").run(
        SerialExecutor()
    )
    return folder / "out"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_pipeline(seed=3).save_pretrained(folder)
    return folder


def config(data, *changes, quick=QUICK):
    return read_config(VaeConfig, None, (f"data.folder={data}", *quick, *changes))


def read_log(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(data, tiny, tmp_path_factory):
    """A run that nothing interrupted: a base's VAE trained on, its judge from half way on."""
    run = tmp_path_factory.mktemp("whole")
    settings = config(
        data,
        f"model.base={tiny}",
        "loop.steps=100",
        "loop.save_every=25",
        "loop.learning_rate=1e-2",
        "loop.warmup=5",
        "loop.average_decay=0.9",
        "objective.adversarial=0.01",
        "objective.adversarial_from=80",
        "discriminator.channels=8",
        "discriminator.layers=1",
    )
    assert KINDS["vae"].run(settings, run, "cpu") is Ending.FINISHED
    return settings, run


def test_errors_of_real_sounds_fall(whole):
    log = read_log(whole[1])
    pixel = [line["autoencoder.pixel"] for line in log]
    assert np.mean(pixel[-8:]) < 0.7 * np.mean(pixel[:8])


def test_the_judge_begins_when_it_is_told_to(whole):
    log = read_log(whole[1])
    assert all("discriminator.hinge" not in line for line in log[:80])
    assert all(line["autoencoder.adversarial"] == 0 for line in log[:80])
    hinge = [line["discriminator.hinge"] for line in log[80:]]
    assert hinge[0] == pytest.approx(1.0, abs=0.3)  # of a judge that knows nothing
    assert all(line["discriminator.norm"] > 0 for line in log[80:])
    assert any(line["autoencoder.adversarial"] != 0 for line in log[80:])


def test_a_run_that_is_killed_and_goes_on_ends_as_one_that_was_not(whole, tmp_path):
    settings, run = whole

    def die(step, _):
        if step == 88:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        KINDS["vae"].run(settings, tmp_path, "cpu", on_step=die)
    assert KINDS["vae"].run(settings, tmp_path, "cpu") is Ending.FINISHED
    assert read_log(tmp_path) == read_log(run)
    name = "model/diffusion_pytorch_model.safetensors"
    assert (tmp_path / name).read_bytes() == (run / name).read_bytes()


def test_the_exported_folder_is_a_vae_of_diffusers_and_makes_sound(whole, tiny):
    vae = AutoencoderKL.from_pretrained(whole[1] / "model")
    assert vae.config.scaling_factor != AutoencoderKL.load_config(tiny / "vae")["scaling_factor"]
    model = AuffusionPipeline.from_pretrained(tiny, vae=vae)
    model.set_progress_bar_config(disable=True)
    (sound,) = model("a bell", num_inference_steps=1, output_type="pt").audios
    assert sound.isfinite().all()
    assert sound.std() > 0
    assert "auffusion train vae" in (whole[1] / "model/README.md").read_text()


def test_latents_of_the_exported_vae_have_unit_variance(whole):
    settings, run = whole
    task = vae_task(
        replace(settings, model=replace(settings.model, base=str(run / "model"))), run, "cpu"
    )
    errors = [task._showcase._errors(clip) for clip in task._showcase._clips]
    deviation = np.mean([one["latent_deviation"] for one in errors])
    assert deviation * task.vae.config.scaling_factor == pytest.approx(1.0, rel=0.2)


def test_a_page_tells_errors_and_plays_what_is_given_back(whole):
    (page,) = (whole[1] / "sounds").iterdir()
    measured = json.loads((page / "measured.json").read_text())
    assert measured.keys() == {"log_mel_error", "log_mel_rms", "latent_deviation"}
    assert 0 < measured["log_mel_error"] < measured["log_mel_rms"] < 8
    real, made = sorted(page.glob("*.wav"), reverse=True)
    assert (real.stem.endswith("-real"), made.stem.endswith("-made")) == (True, True)
    assert soundfile.info(real).frames == soundfile.info(made).frames


def test_a_frozen_encoder_stays_as_it_was_and_so_does_its_scale(data, tiny, tmp_path):
    settings = config(
        data,
        f"model.base={tiny}",
        "objective.decoder_only=true",
        "loop.steps=2",
        "loop.learning_rate=1e-2",
    )
    KINDS["vae"].run(settings, tmp_path, "cpu")
    before = AutoencoderKL.from_pretrained(tiny / "vae")
    after = AutoencoderKL.from_pretrained(tmp_path / "model")
    assert after.config.scaling_factor == before.config.scaling_factor
    theirs = before.state_dict()
    for name, value in after.state_dict().items():
        kept = name.startswith(("encoder.", "quant_conv."))
        assert torch.equal(value, theirs[name]) == kept, name


@pytest.mark.parametrize("kind", ["kl", "patch"])
def test_one_starts_at_random_and_the_seed_decides_which(data, tmp_path, kind):
    words = ("loop.steps=1", f"model.kind={kind}")
    patch = tuple(f"patch.{name}=8" for name in ("latent_channels", "fine_channels"))
    settings = config(data, *words, *patch, "patch.coarse_channels=16", quick=SMALL)
    one, two = (vae_task(settings, tmp_path, "cpu").vae.state_dict() for _ in range(2))
    assert all(torch.equal(value, two[name]) for name, value in one.items())
    other = replace(settings, loop=replace(settings.loop, seed=1))
    three = vae_task(other, tmp_path, "cpu").vae.state_dict()
    assert any(not torch.equal(value, three[name]) for name, value in one.items())
    assert KINDS["vae"].run(settings, tmp_path / "run", "cpu") is Ending.FINISHED


def test_the_embedded_models_vae_can_be_trained_on(data, tmp_path):
    """It gives back real sounds well before a step, through its own front-end and scale."""
    task = vae_task(config(data, "model.base=embedded"), tmp_path, "cpu")
    errors = [task._showcase._errors(clip) for clip in task._showcase._clips]
    assert max(one["log_mel_error"] for one in errors) < 1.0
    terms = task.losses("autoencoder", task.draw(0, range(2)), 0)
    assert 0 < terms["pixel"].item() < 0.1


def test_a_slot_draws_the_same_whoever_computes_it(data, tiny, tmp_path):
    task = vae_task(config(data, f"model.base={tiny}", "loop.batch=4"), tmp_path, "cpu")
    together, apart = task.draw(3, range(4)), [task.draw(3, range(i, i + 1)) for i in range(4)]
    torch.testing.assert_close(together.image, torch.cat([one.image for one in apart]))
    assert torch.equal(together.noise, torch.cat([one.noise for one in apart]))
    assert task.names(3, range(4)) == [
        name for i in range(4) for name in task.names(3, range(i, i + 1))
    ]


def test_losses_are_the_written_out_formulas(data, tmp_path):
    """In numpy: mean absolute errors, and Kingma and Welling's divergence (1312.6114, app. B)."""
    words = ("model.base=embedded", "objective.kl=0.25", "objective.edge=2")
    task = vae_task(config(data, *words), tmp_path, "cpu")
    batch = task.draw(0, range(2))
    terms = task.losses("autoencoder", batch, 0)
    with torch.no_grad():
        posterior = task.vae.encode(batch.image).latent_dist
        made = task.vae.decode(posterior.mean + batch.noise * posterior.logvar.div(2).exp()).sample
    error = (made - batch.image).double().numpy()
    mean, log = posterior.mean.double().numpy(), posterior.logvar.double().numpy()
    along = np.abs(np.diff(error, axis=3)).mean() + np.abs(np.diff(error, axis=2)).mean()
    assert terms["pixel"].item() == pytest.approx(np.abs(error).mean(), rel=1e-4)
    assert terms["edge"].item() == pytest.approx(2 * along, rel=1e-4)
    divergence = 0.5 * (mean**2 + np.exp(log) - 1 - log).mean()
    assert terms["kl"].item() == pytest.approx(0.25 * divergence, rel=1e-4)


def test_networks_may_compute_in_16_bits(data, tiny, tmp_path):
    words = ("loop.precision=bfloat16", "loop.steps=2", "loop.micro_batch=1")
    words += ("objective.adversarial=0.1", "discriminator.channels=8")
    settings = config(data, f"model.base={tiny}", *words)
    assert KINDS["vae"].run(settings, tmp_path, "cpu") is Ending.FINISHED
    vae = AutoencoderKL.from_pretrained(tmp_path / "model")
    assert {value.dtype for value in vae.state_dict().values()} == {torch.float32}
    assert all(np.isfinite(value) for line in read_log(tmp_path) for value in line.values())


def test_several_sets_are_learnt_from_as_one(data, tmp_path):
    (tmp_path / "run.toml").write_text(
        f'[data]\nfolder = "{data}"\n[[data.more]]\nfolder = "{data}"\n'
    )
    settings = read_config(VaeConfig, tmp_path / "run.toml", ("loop.steps=1", *SMALL))
    task = vae_task(settings, tmp_path, "cpu")
    names = [name for step in range(4) for name in task.names(step, range(2))]
    assert len(set(names)) == 4
    assert all(names.count(name) == 2 for name in names)
    assert KINDS["vae"].run(settings, tmp_path / "run", "cpu") is Ending.FINISHED
    assert (tmp_path / "run/model/README.md").read_text().count(" clips, ") == 2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("objective.decoder_only=true", r"encoder that was not trained: name a model\.base"),
        ("objective.kl=-1", r"objective\.kl is -1\.0: choose 0 or more"),
        ("objective.frames=0", r"objective\.frames is 0"),
        ("kl.block_out_channels=[8, 10]", r"must be multiples of kl\.norm_num_groups"),
        ("kl.layers_per_block=0", "kl must have levels, blocks"),
    ],
)
def test_settings_that_cannot_be_are_one_sentence(data, change, sentence):
    with pytest.raises(InputError, match=sentence):
        config(data, change, quick=SMALL)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("objective.frames=30", "both must be multiples of 4"),
        ("listening.split=test", "no clip in the split 'test'"),
        ("model.base=/nowhere/at/all", "/nowhere/at/all"),
    ],
)
def test_what_does_not_fit_is_one_sentence(data, tmp_path, change, sentence):
    with pytest.raises(InputError, match=sentence):
        vae_task(config(data, change, quick=SMALL), tmp_path, "cpu")


def test_checkpointing_of_a_light_vae_is_refused(data, tmp_path):
    words = ("model.base=embedded", "model.gradient_checkpointing=true")
    with pytest.raises(InputError, match="is for AutoencoderKL, which this is not"):
        vae_task(config(data, *words), tmp_path, "cpu")


def test_the_shown_configuration_is_the_default_one(data, tmp_path):
    (tmp_path / "vae.toml").write_text(config_text(VaeConfig))
    words = (f"data.folder={data}",)
    assert read_config(VaeConfig, tmp_path / "vae.toml", words) == read_config(
        VaeConfig, None, words
    )
