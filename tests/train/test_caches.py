"""What a cache holds is what the stages give, and nothing is computed twice."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from auffusion.data.drawing import canvas, generator
from auffusion.data.preparation import Preparation
from auffusion.data.prepared import PreparedData
from auffusion.data.preparers.folder import FOLDER
from auffusion.errors import InputError
from auffusion.executor import SerialExecutor, Status
from auffusion.mel import MelSpectrogram, normalise_peak
from auffusion.pipeline import AuffusionPipeline, tiny_pipeline
from auffusion.train.caching import compute_cache
from auffusion.train.latent_cache import LatentCache, MakeLatentComputer
from auffusion.train.text_cache import MakeTextComputer, TextCache

SOUNDS = Path(__file__).parents[1] / "sounds"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Ten real sounds, two of them longer than the tiny model's window, with their captions."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "source").mkdir()
    with (folder / "source/metadata.csv").open("w") as table:
        table.write("file_name,caption\n")
        for path in sorted(SOUNDS.glob("*.flac")):
            samples, rate = soundfile.read(path, dtype="float32")
            if path.stem in {"steam", "drums"}:
                samples = np.resize(samples, 6 * rate)
            soundfile.write(folder / f"source/{path.stem}.wav", samples, rate)
            table.write(f"{path.stem}.wav,{path.stem} sounds\n")
    Preparation(data_set=FOLDER, source=folder / "source", output=folder / "out").run(
        SerialExecutor()
    )
    return folder / "out"


@pytest.fixture(scope="module", params=["adapter", "stable-diffusion"])
def model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "tiny"
    encoders = ("clip", "t5") if request.param == "adapter" else ("clip",)
    tiny_pipeline(seed=1, layout=request.param, encoders=encoders).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def pipeline(model):
    return AuffusionPipeline.from_pretrained(model)


@pytest.fixture(scope="module")
def latents(data, model, tmp_path_factory):
    output = tmp_path_factory.mktemp("latents")
    job = MakeLatentComputer(data=data, model=str(model), crops=3, seed=5)
    compute_cache(job, output, SerialExecutor(), block_clips=4)
    return LatentCache(output)


@pytest.fixture(scope="module")
def texts(data, model, tmp_path_factory):
    output = tmp_path_factory.mktemp("texts")
    compute_cache(
        MakeTextComputer(data=data, model=str(model)), output, SerialExecutor(), block_clips=4
    )
    return TextCache(output)


def test_moments_are_those_of_the_vae(data, pipeline, latents):
    prepared, mel = PreparedData(data), MelSpectrogram(pipeline.mel)
    assert len(latents) == len(prepared)
    for clip in range(len(prepared)):
        own = int(prepared.clip(clip).sha256[:15], 16)
        for number, moments in enumerate(latents.moments(clip)):
            rng = generator(5, number, own, "crop")
            piece = canvas(prepared.samples(clip), rng, crop=40_960, width=40_960)
            image = pipeline.image_codec.encode(mel(normalise_peak(torch.from_numpy(piece)[None])))
            posterior = pipeline.vae.encode(image * 2 - 1).latent_dist
            wanted = torch.cat([posterior.mean, posterior.std]).detach()
            torch.testing.assert_close(
                torch.from_numpy(np.array(moments)).float(), wanted, rtol=1e-3, atol=1e-3
            )


def test_only_clips_longer_than_the_window_have_several_crops(data, latents):
    prepared = PreparedData(data)
    counts = {prepared.clip(i).source: len(latents.moments(i)) for i in range(len(prepared))}
    assert {name for name, count in counts.items() if count == 3} == {"steam.wav", "drums.wav"}
    assert set(counts.values()) == {1, 3}
    steam = next(i for i in range(len(prepared)) if prepared.clip(i).source == "steam.wav")
    first, second, third = latents.moments(steam)
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)


def test_a_latent_is_drawn_from_the_posterior_and_scaled(latents):
    draws = np.stack([latents.draw(0, np.random.default_rng(seed)) for seed in range(200)])
    mean, deviation = latents.moments(0)[0].astype(np.float32)
    factor = latents.about["scaling_factor"]
    assert draws.shape[1:] == mean.shape
    # Five standard errors of a mean of two hundred draws.
    error = np.abs(draws.mean(axis=0) / factor - mean)
    assert (error <= 5 * deviation / np.sqrt(200) + 1e-6).all()


def test_rows_are_those_of_the_text_encoders_before_the_adapter(data, pipeline, texts):
    prepared = PreparedData(data)
    captions = [prepared.clip(i).captions[0] for i in range(len(prepared))]
    for clip, caption in enumerate([*captions, ""]):
        rows = texts.rows(clip, 0)
        assert len(rows) == len(pipeline.text.branches)
        for branch, found in zip(pipeline.text.branches, rows, strict=True):
            tokens = branch.tokenizer(
                caption,
                return_tensors="pt",
                padding="max_length" if pipeline.text.convention != "adapter" else False,
                max_length=77,
            )
            mask = {} if branch.encoder.config.model_type.startswith("clip") else tokens
            wanted = branch.encoder(
                input_ids=tokens["input_ids"], attention_mask=mask.get("attention_mask")
            ).last_hidden_state[0]
            padded = torch.zeros(77, wanted.shape[-1])
            padded[: len(wanted)] = wanted.detach()
            torch.testing.assert_close(
                torch.from_numpy(found).float(), padded, rtol=2e-3, atol=2e-3
            )


def test_a_second_run_computes_nothing(data, model, latents):
    job = MakeLatentComputer(data=data, model=str(model), crops=3, seed=5)
    statuses = []
    compute_cache(
        job,
        latents._blocks.folder,
        SerialExecutor(),
        lambda outcome: statuses.append(outcome.status),
        block_clips=4,
    )
    assert set(statuses) == {Status.SKIPPED}


def test_a_changed_unet_keeps_the_latents_and_a_changed_vae_does_not(data, pipeline, tmp_path):
    def run():
        statuses = []
        job = MakeLatentComputer(data=data, model=str(tmp_path / "model"))
        compute_cache(job, tmp_path / "out", SerialExecutor(), lambda o: statuses.append(o.status))
        return set(statuses)

    pipeline.save_pretrained(tmp_path / "model")
    assert run() == {Status.DONE}
    other = AuffusionPipeline.from_pretrained(tmp_path / "model")
    with torch.no_grad():
        other.unet.conv_in.weight += 1
    other.save_pretrained(tmp_path / "model")
    assert run() == {Status.SKIPPED}
    with torch.no_grad():
        other.vae.encoder.conv_in.weight += 1
    other.save_pretrained(tmp_path / "model")
    assert run() == {Status.DONE}


def test_the_callers_threads_are_left_alone(data, model, tmp_path):
    """A cache is computed on one thread; what runs afterwards in this process is not."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        job = MakeTextComputer(data=data, model=str(model))
        compute_cache(job, tmp_path, SerialExecutor())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_cache_of_the_other_kind_is_told(latents, texts):
    with pytest.raises(InputError, match="holds a cache of text, not of latents"):
        LatentCache(texts._blocks.folder)
    with pytest.raises(InputError, match="holds a cache of latents, not of text"):
        TextCache(latents._blocks.folder)


def test_a_folder_of_other_things_is_not_written_to(data, model, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match=r"holds letter\.txt, which is not ours"):
        compute_cache(MakeTextComputer(data=data, model=str(model)), tmp_path, SerialExecutor())


def test_no_crops_are_refused(data):
    with pytest.raises(InputError, match="0 crops"):
        MakeLatentComputer(data=data, model="embedded", crops=0)


def test_the_cache_says_what_it_was_made_of(data, latents):
    about = json.loads((latents._blocks.folder / "cache.json").read_text())
    assert about["kind"] == "latents"
    assert about["clips"] == 10
    assert about["data"] == json.loads((data / "prepared.json").read_text())["about"]
