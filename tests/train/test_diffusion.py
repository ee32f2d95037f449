"""`auffusion train diffusion` on real sounds: what it learns, and where it may start from."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from auffusion.config import read_config
from auffusion.data.preparation import Preparation
from auffusion.data.prepared import PreparedData
from auffusion.data.preparers.folder import FOLDER
from auffusion.errors import InputError
from auffusion.executor import SerialExecutor
from auffusion.mel import MelSpectrogram, normalise_peak
from auffusion.pipeline import AuffusionPipeline, tiny_pipeline
from auffusion.train.caching import compute_cache
from auffusion.train.diffusion_run import DiffusionConfig, diffusion_task
from auffusion.train.kinds import KINDS
from auffusion.train.latent_cache import MakeLatentComputer
from auffusion.train.loop import Ending
from auffusion.train.starting_model import StartingModel, load_starting_model
from auffusion.train.text_cache import MakeTextComputer
from auffusion.train.training_data import TrainingData, TrainingSet

SOUNDS = Path(__file__).parents[1] / "sounds"
CAPTIONS = {
    "bell": "a bell ringing",
    "drums": "a drum loop",
    "guitar": "an electric guitar",
    "steam": "steam hissing",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four real clips of 2.5 s with their captions."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "source").mkdir()
    rows = ["file_name,caption"]
    for name, caption in CAPTIONS.items():
        samples, rate = soundfile.read(SOUNDS / f"{name}.flac", dtype="float32")
        soundfile.write(folder / f"source/{name}.wav", np.resize(samples, 5 * rate // 2), rate)
        rows.append(f"{name}.wav,{caption}")
    (folder / "source/metadata.csv").write_text("\n".join(rows))
    Preparation(data_set=FOLDER, source=folder / "source", output=folder / "out").run(
        SerialExecutor()
    )
    return folder / "out"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Tiny models of both conventions, by name."""
    folder = tmp_path_factory.mktemp("models")
    for layout in ("adapter", "stable-diffusion"):
        tiny_pipeline(seed=2, layout=layout).save_pretrained(folder / layout)
    return folder


def config(data, base, **changes):
    words = [f"data.folder={data}", f"model.base={base}", "loop.tracker=none", "listening.steps=2"]
    words += [f"{name.replace('__', '.')}={value}" for name, value in changes.items()]
    return read_config(DiffusionConfig, None, words)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The embedded model with a small untrained U-Net, on a canvas of 2.56 s."""
    model = AuffusionPipeline.from_pretrained("embedded")
    plain = {n: v for n, v in model.config.items() if not n.startswith("_")}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            sample_size=(16, 16),
            in_channels=16,
            out_channels=16,
            down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
            block_out_channels=(32, 64),
            layers_per_block=1,
            cross_attention_dim=256,
            attention_head_dim=4,
        )
    folder = tmp_path_factory.mktemp("small") / "model"
    parts = {**plain, **model.components, "unet": unet, "canvas_frames": 256}
    AuffusionPipeline(**parts).save_pretrained(folder)
    return folder


def test_four_clips_are_learnt_by_heart(data, small, tmp_path):
    """Each caption's generated mel is closer to its own clip than to any other."""
    job = MakeLatentComputer(data=data, model=str(small))
    compute_cache(job, tmp_path / "latents", SerialExecutor())
    settings = config(
        data,
        small,
        data__latents=tmp_path / "latents",
        loop__steps=180,
        loop__batch=8,
        loop__learning_rate=2e-3,
        loop__warmup=20,
        loop__decay_from=0.5,
        loop__average_decay=0.98,
        objective__stratified="true",
    )
    run = tmp_path / "run"
    assert KINDS["diffusion"].run(settings, run, "cpu") is Ending.FINISHED
    lines = (run / "log.jsonl").read_text().splitlines()
    losses = [json.loads(line)["loss"] for line in lines]
    assert np.mean(losses[-20:]) < 0.5 * np.mean(losses[:20])
    model = AuffusionPipeline.from_pretrained(run / "model")
    model.set_progress_bar_config(disable=True)
    prepared, mel = PreparedData(data), MelSpectrogram()
    sounds = [np.pad(np.float32(prepared.samples(i)) / 32768, (0, 960)) for i in range(4)]
    real = mel(normalise_peak(torch.from_numpy(np.stack(sounds))))[:, :, :248]
    captions = [prepared.clip(i).captions[0] for i in range(4)]
    made = model(captions, num_inference_steps=20, guidance_scale=2.0, output_type="mel")
    made = made.spectrograms[:, :, :248]
    distance = torch.cdist(made.reshape(4, -1), real.reshape(4, -1))
    assert distance.argmin(dim=1).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("layout", ["adapter", "stable-diffusion"])
def test_caches_teach_what_live_encoding_teaches(data, tiny, tmp_path, layout):
    base = tiny / layout
    compute_cache(
        MakeLatentComputer(data=data, model=str(base)), tmp_path / "latents", SerialExecutor()
    )
    compute_cache(MakeTextComputer(data=data, model=str(base)), tmp_path / "text", SerialExecutor())
    live = diffusion_task(config(data, base, loop__batch=4), tmp_path, "cpu")
    kept = diffusion_task(
        config(
            data,
            base,
            loop__batch=4,
            data__latents=tmp_path / "latents",
            data__text=tmp_path / "text",
        ),
        tmp_path,
        "cpu",
    )
    for step in range(3):
        one, two = (task.draw(step, range(4)) for task in (live, kept))
        assert torch.equal(one.timestep, two.timestep)
        assert torch.equal(one.kept, two.kept)
        for a, b in zip(one.rows, two.rows, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=2e-3)
        # Crops of clips within the window are the clip itself; moments are kept in half precision.
        assert (one.clean - two.clean).abs().max() < 1e-2 * one.clean.abs().max()


def test_several_sets_are_learnt_from_as_if_they_were_one(data, tiny, tmp_path):
    toml = tmp_path / "run.toml"
    toml.write_text(
        f'[data]\nfolder = "{data}"\n[[data.more]]\nfolder = "{data}"\n'
        f'[model]\nbase = "{tiny / "adapter"}"\n[loop]\nbatch = 8\nsteps = 2\ntracker = "none"\n'
        "[listening]\nsteps = 2\n"
    )
    settings = read_config(DiffusionConfig, toml)
    task = diffusion_task(settings, tmp_path / "run", "cpu")
    names = task.names(0, range(8))
    # Every clip of both sets, once in the first epoch of eight.
    assert sorted(names) == sorted(2 * [PreparedData(data).clip(i).id for i in range(4)])
    assert len(task.draw(0, range(8)).clean) == 8
    assert KINDS["diffusion"].run(settings, tmp_path / "run", "cpu") is Ending.FINISHED
    card = (tmp_path / "run/model/README.md").read_text()
    assert card.count("4 clips, 0.00 hours. Licences of the clips: unknown (4).") == 2


def test_sets_with_and_without_caches_give_each_slot_its_own_clip(data, tiny, tmp_path):
    base, run = tiny / "adapter", tmp_path / "run"
    latents, text = tmp_path / "latents", tmp_path / "text"
    compute_cache(MakeLatentComputer(data=data, model=str(base)), latents, SerialExecutor())
    compute_cache(MakeTextComputer(data=data, model=str(base)), text, SerialExecutor())
    live = TrainingSet(folder=data)
    cached = TrainingSet(folder=data, latents=latents, text=text)

    def drawn(first, second):
        settings = config(data, base)
        sets = TrainingData(folder=data, latents=first.latents, text=first.text, more=(second,))
        loop = replace(settings.loop, batch=8)
        return diffusion_task(replace(settings, data=sets, loop=loop), run, "cpu").draw(3, range(8))

    wanted = drawn(live, live)
    for found in (drawn(live, cached), drawn(cached, live)):
        # A cache keeps moments and rows in float16.
        torch.testing.assert_close(found.clean, wanted.clean, rtol=0, atol=5e-3)
        torch.testing.assert_close(found.rows, wanted.rows, rtol=0, atol=5e-3)
        assert not torch.equal(found.clean, wanted.clean)
    assert (wanted.clean[0] - wanted.clean[1]).abs().max() > 0.1


def test_caches_of_other_data_or_models_are_refused(data, tiny, tmp_path):
    base = tiny / "adapter"
    compute_cache(
        MakeLatentComputer(data=data, model=str(base)), tmp_path / "latents", SerialExecutor()
    )
    compute_cache(MakeTextComputer(data=data, model=str(base)), tmp_path / "text", SerialExecutor())
    other = tmp_path / "other"
    tiny_pipeline(seed=9).save_pretrained(other)
    with pytest.raises(InputError, match="latents are of another VAE"):
        diffusion_task(config(data, other, data__latents=tmp_path / "latents"), tmp_path, "cpu")
    few = tmp_path / "few"
    shutil.copytree(data, few)
    facts = json.loads((few / "prepared.json").read_text())
    facts["about"]["title"] = "Other"
    (few / "prepared.json").write_text(json.dumps(facts))
    with pytest.raises(InputError, match="texts are not of this data set"):
        diffusion_task(config(few, base, data__text=tmp_path / "text"), tmp_path, "cpu")


def test_only_unet_and_adapters_are_trained(data, tiny, tmp_path):
    for layout, adapters in (("adapter", 1), ("stable-diffusion", 0)):
        model = load_starting_model(StartingModel(base=str(tiny / layout)), 0, "cpu")
        trained = {
            name
            for name, part in model.components.items()
            if isinstance(part, torch.nn.Module) and any(p.requires_grad for p in part.parameters())
        }
        assert trained == {"unet", "condition_adapter"} if adapters else {"unet"}
    task = diffusion_task(config(data, tiny / "adapter"), tmp_path, "cpu")
    assert len(task.network.adapters) == 1


def test_a_unet_may_start_at_random(tiny):
    base = str(tiny / "adapter")
    first = StartingModel(base=base, from_scratch=True)
    one, two, other, kept = (
        load_starting_model(settings, seed, "cpu").components["unet"].conv_in.weight
        for settings, seed in ((first, 1), (first, 1), (first, 2), (StartingModel(base=base), 1))
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert torch.equal(
        kept, AuffusionPipeline.from_pretrained(base).components["unet"].conv_in.weight
    )


def test_other_text_encoders_stand_behind_new_adapters(data, tmp_path):
    """CLAP and T5 in the place of CLIP, as in Table 2; each one's rows are adapted and joined."""
    source = tmp_path / "encoders"
    two = tiny_pipeline(seed=4, encoders=("clap", "t5"))
    for number, ending in enumerate(("", "_2")):
        two.components[f"text_encoder{ending}"].save_pretrained(source / str(number))
        two.components[f"tokenizer{ending}"].save_pretrained(source / str(number))
    tiny_pipeline(seed=2, layout="stable-diffusion").save_pretrained(tmp_path / "base")
    settings = config(
        data,
        tmp_path / "base",
        loop__steps=3,
        loop__batch=2,
        model__encoders=json.dumps([str(source / "0"), str(source / "1")]),
    )
    assert KINDS["diffusion"].run(settings, tmp_path / "run", "cpu") is Ending.FINISHED
    model = AuffusionPipeline.from_pretrained(tmp_path / "run/model")
    assert model.config["text_convention"] == "adapter"
    assert len(model.text.branches) == 2
    assert model("a bell", num_inference_steps=2, audio_length_in_s=1.0).audios.shape == (1, 16_000)


def test_zero_terminal_snr_predicts_v_and_ends_in_noise_alone(data, tiny, tmp_path):
    settings = config(
        data,
        tiny / "adapter",
        loop__steps=2,
        loop__batch=2,
        model__zero_terminal_snr="true",
        model__gradient_checkpointing="true",
    )
    task = diffusion_task(settings, tmp_path / "run", "cpu")
    assert task.scheduler.alphas_cumprod[-1] < 1e-6
    assert task.scheduler.config.prediction_type == "v_prediction"
    assert KINDS["diffusion"].run(settings, tmp_path / "run", "cpu") is Ending.FINISHED
    exported = json.loads((tmp_path / "run/model/scheduler/scheduler_config.json").read_text())
    assert exported["rescale_betas_zero_snr"] is True
    assert exported["timestep_spacing"] == "trailing"
    with pytest.raises(InputError, match="zero_terminal_snr needs v_prediction"):
        StartingModel(zero_terminal_snr=True, prediction="epsilon")


def test_the_card_tells_data_recipe_and_curve(data, tiny, tmp_path):
    settings = config(data, tiny / "adapter", loop__steps=4, loop__batch=2)
    KINDS["diffusion"].run(settings, tmp_path, "cpu")
    card = (tmp_path / "model/README.md").read_text()
    assert "4 clips" in card
    assert '"steps": 4' in card
    assert "| 1-1 |" in card
    assert "| 4-4 |" in card
    page = (tmp_path / "sounds/step-00000004/index.html").read_text()
    assert page.count("<audio") == 3
    assert soundfile.info(tmp_path / "sounds/step-00000004/00.wav").samplerate == 16_000


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"data__split": "test"}, "has no clip in the split 'test'"),
        ({"model__base": "gone"}, "gone"),
        ({"model__encoders": '["gone"]'}, "gone, which is no folder"),
        ({"model__encoders": '["a", "b", "c"]'}, "names 3"),
        ({"data__latents": "gone"}, "gone holds no finished cache"),
    ],
)
def test_what_is_not_there_is_told_by_name(data, tiny, tmp_path, changes, sentence):
    with pytest.raises(InputError, match=sentence):
        diffusion_task(config(data, tiny / "adapter", **changes), tmp_path, "cpu")
