import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from auffusion.audio import write_audio
from auffusion.data.listing import Listed, Rules
from auffusion.data.preparation import Preparation
from auffusion.data.preparers.embedded_sounds import EMBEDDED_SOUNDS
from auffusion.errors import InputError
from auffusion.executor import SerialExecutor
from auffusion.mel import MelSpectrogram, normalise_peak
from auffusion.pipeline.components import PatchAutoencoderModel
from auffusion.pipeline.parts import load_vocoder
from auffusion.recipes.embedded import STEPS, Work, averaged, scaling_factor
from auffusion.recipes.networks import SETTINGS
from auffusion.train.checkpoints import CheckpointStore


def tone(hz, seconds):
    return 0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * 16_000)) / 16_000)


def three_sounds(source, _):
    for name, split in (("dog", "train"), ("owl", "train"), ("cow", "validation")):
        yield Listed(
            key=name,
            file=source / f"{name}.wav",
            source=f"{name}.wav",
            captions=(f"a loud {name}",),
            labels=(name,),
            split=split,
        )


@pytest.fixture
def work(tmp_path):
    """A work folder with a library of three clips, one of them for validation."""
    for name, hz, seconds in [("dog", 440, 0.5), ("owl", 220, 0.03), ("cow", 110, 0.5)]:
        write_audio(tmp_path / f"{name}.wav", torch.from_numpy(tone(hz, seconds)))
    data_set = replace(EMBEDDED_SOUNDS, read=three_sounds, rules=Rules(shortest_s=0.01))
    Preparation(data_set=data_set, source=tmp_path, output=tmp_path / "library").run(
        SerialExecutor()
    )
    return Work(tmp_path)


def test_every_step_is_there():
    assert all(callable(getattr(Work, f"step_{step}")) for step in STEPS)


def test_scaled_latents_have_unit_variance():
    latents = 3 * torch.randn(4, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    factor = scaling_factor(latents.half())
    assert (latents * factor).std().item() == pytest.approx(1.0, abs=1e-3)
    assert factor == round(factor, 4)


def test_statistics_are_those_of_all_training_values_together(work):
    work.step_statistics()
    found = json.loads((work.folder / "mel_statistics.json").read_text())
    mel, values = MelSpectrogram(), []
    for hz, seconds in [(440, 0.5), (220, 0.03)]:
        samples = np.trunc(tone(hz, seconds) * 32768) / 32768
        padded = np.pad(samples, (0, max(0, 945 - len(samples)))).astype(np.float32)
        values.append(mel(normalise_peak(torch.from_numpy(padded)[None])).double().flatten())
    together = torch.cat(values).numpy()
    assert found["values"] == len(together)
    assert found["mean"] == pytest.approx(together.mean(), rel=1e-6)
    assert found["deviation"] == pytest.approx(together.std(), rel=1e-6)


def test_scenes_become_latents_with_the_captions_that_describe_them(work, monkeypatch):
    monkeypatch.setitem(SETTINGS, "scenes", {"count": 2, "mixtures": 0.0})
    torch.manual_seed(0)
    vae = PatchAutoencoderModel(**SETTINGS["vae"]["network"])
    vae.save_pretrained(work.folder / "runs/vae/model")
    work.step_scenes()
    latents = work.latents()
    assert latents.shape == (2, SETTINGS["vae"]["network"]["latent_channels"], 16, 64)
    assert latents.dtype == torch.float16
    # The text encoder is a download; what it gives has no part in how scenes are put together.
    monkeypatch.setattr(Work, "features", lambda _, texts: torch.zeros(len(texts), 2, 384).half())
    scenes = work.scenes()
    assert scenes.latents.std().item() == pytest.approx(1.0, abs=1e-2)
    assert [scenes.captions(clip) for clip in range(len(scenes))] == [6, 6]


def test_the_vae_is_trained_on_the_library_and_stands_in_a_folder(work, monkeypatch):
    table = SETTINGS["vae"]
    short = {
        **table,
        "objective": {**table["objective"], "frames": 16},
        "loop": {**table["loop"], "steps": 2},
    }
    monkeypatch.setitem(SETTINGS, "vae", short)
    work.step_vae()
    vae = work.trained_vae()
    assert type(vae).__name__ == "PatchAutoencoderModel"
    assert vae.config.latent_channels == table["network"]["latent_channels"]
    assert not vae.training
    settings = json.loads((work.folder / "runs/vae/settings.json").read_text())
    assert settings["objective"]["kl"] == 1e-4
    assert settings["objective"]["edge"] == 0.5


def test_the_vocoder_is_trained_on_the_library_and_stands_in_a_folder(work, monkeypatch):
    table = SETTINGS["vocoder"]
    short = {**table, "frames": 16, "loop": {**table["loop"], "steps": 2, "batch": 1}}
    monkeypatch.setitem(SETTINGS, "vocoder", short)
    work.step_vocoder()
    vocoder = load_vocoder(work.folder / "runs/vocoder/model")
    assert type(vocoder).__name__ == "FourierVocoderModel"
    assert (vocoder.bands, vocoder.hop_length) == (256, 160)
    assert list((work.folder / "runs/vocoder/sounds").glob("*/00-copy.wav"))


def test_the_features_of_all_captions_are_kept(work, monkeypatch):
    monkeypatch.setitem(SETTINGS, "scenes", {"count": 3, "mixtures": 1.0})
    asked = []
    monkeypatch.setattr(Work, "features", lambda _, texts: asked.append(texts))
    work.step_texts()
    (texts,) = asked
    assert texts == sorted(set(texts))
    assert all(" dog" in text or " owl" in text for text in texts)


def test_without_scenes_the_step_that_makes_them_is_named(work):
    with pytest.raises(InputError, match="run the step scenes first"):
        work.latents()


def test_the_averaged_weights_of_a_run_are_taken(tmp_path):
    tensors = {
        "network.average.a": torch.ones(2),
        "network.weights.a": torch.zeros(2),
        "network.optimiser.0.step": torch.ones(1),
    }
    CheckpointStore(tmp_path).save(1, tensors, {})
    ((name, value),) = averaged(tmp_path).items()
    assert (name, value.tolist()) == ("a", [1.0, 1.0])
    with pytest.raises(InputError, match=r"there is no checkpoint .*start that training first"):
        averaged(tmp_path / "none")


@pytest.mark.parametrize(
    ("step", "sentence"),
    [("dance", "there is no step 'dance'"), ("statistics", "holds no finished data set")],
)
def test_a_wrong_call_is_one_sentence_and_status_2(tmp_path, step, sentence, monkeypatch, capsys):
    from auffusion.recipes import embedded

    monkeypatch.setattr(sys, "argv", ["embedded", str(tmp_path), step])
    with pytest.raises(SystemExit) as left:
        embedded.main()
    assert left.value.code == 2
    assert sentence in capsys.readouterr().err
