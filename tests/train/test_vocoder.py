"""`auffusion train vocoder` on real sounds: it learns, goes on, and its folder speaks."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from auffusion.config import read_config
from auffusion.data.preparation import Preparation
from auffusion.data.preparers.folder import FOLDER
from auffusion.errors import InputError
from auffusion.executor import SerialExecutor
from auffusion.pipeline import AuffusionPipeline, tiny_pipeline
from auffusion.pipeline.convert import convert_checkpoint
from auffusion.pipeline.parts import load_vocoder
from auffusion.recipes.training_recipes import shipped_recipes
from auffusion.train.average import put_tensors, trained_tensors
from auffusion.train.checkpoints import CheckpointStore
from auffusion.train.kinds import KINDS
from auffusion.train.loop import Ending
from auffusion.train.vocoder_run import VocoderConfig, vocoder_task

SOUNDS = Path(__file__).parents[1] / "sounds"
SMALL_JUDGES = (
    "discriminators.periods=[2, 3]",
    "discriminators.period_channels=[4, 8]",
    "discriminators.scales=2",
    "discriminators.scale_channels=[4, 4, 8, 8, 8, 8, 8]",
)
SMALL_HIFIGAN = (
    "generator.hifigan.num_mels=64",
    "generator.hifigan.upsample_initial_channel=32",
    "generator.hifigan.resblock_kernel_sizes=[3]",
    "generator.hifigan.resblock_dilation_sizes=[[1, 3, 5]]",
)
FOURIER = (
    "generator.kind=fourier",
    "generator.fourier.channels=24",
    "generator.fourier.blocks=1",
    "losses.adversarial=0",
    "losses.feature_matching=0",
    "losses.mel=1",
    "losses.stft=1",
    "input.mel_noise=0.2",
    "input.smoothed=0.5",
    "loop.learning_rate=3e-3",
    "loop.average_decay=0.9",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """All real sounds; two of them to be measured by."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "source").mkdir()
    rows = ["file_name,caption,split"]
    for path in sorted(SOUNDS.glob("*.flac")):
        samples, rate = soundfile.read(path, dtype="float32")
        soundfile.write(folder / f"source/{path.stem}.wav", np.resize(samples, rate), rate)
        split = "validation" if path.stem in {"bell", "steam"} else "train"
        rows.append(f"{path.stem}.wav,{path.stem} sounds,{split}")
    (folder / "source/metadata.csv").write_text("\n".join(rows))
    Preparation(data_set=FOLDER, source=folder / "source", output=folder / "out").run(
        SerialExecutor()
    )
    return folder / "out"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "tiny"
    tiny_pipeline(seed=2).save_pretrained(folder)
    return folder


def config(data, *changes):
    words = [
        f"data.folder={data}",
        "frames=24",
        "loop.steps=24",
        "loop.batch=2",
        "loop.save_every=8",
        "loop.learning_rate=2e-3",
        "loop.tracker=none",
        "listening.measured=2",
        "listening.seconds=0.5",
        *SMALL_JUDGES,
    ]
    return read_config(VocoderConfig, None, [*words, *changes])


def run(settings, folder):
    return KINDS["vocoder"].run(settings, folder, "cpu")


def measured(folder, step):
    return json.loads((folder / f"sounds/step-{step:08d}/measured.json").read_text())


@pytest.fixture(scope="module", params=["hifigan", "fourier"])
def whole(request, data, tmp_path_factory):
    """A run that nothing interrupted, of either vocoder."""
    changes = SMALL_HIFIGAN if request.param == "hifigan" else FOURIER
    # A page half way and one at the end.
    settings = config(data, *changes, "loop.listen_every=12")
    folder = tmp_path_factory.mktemp(request.param) / "run"
    assert run(settings, folder) is Ending.FINISHED
    return settings, folder


def test_errors_of_sounds_that_it_does_not_learn_of_fall(whole):
    _, folder = whole
    early, late = measured(folder, 12), measured(folder, 24)
    assert early.keys() == {"multi-resolution STFT distance", "log-mel error"}
    assert late["log-mel error"] < early["log-mel error"]
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 25))
    name = "generator.mel" if "generator.mel" in lines[0] else "mel"
    errors = [line[name] for line in lines]
    assert np.mean(errors[-6:]) < 0.8 * np.mean(errors[:6])


def test_each_page_has_sounds_beside_their_copies(whole):
    page = whole[1] / "sounds/step-00000024"
    assert {path.name for path in page.glob("*.wav")} == {
        f"{number}-{kind}.wav" for number in ("00", "01") for kind in ("original", "copy")
    }
    original, copy = (soundfile.read(page / f"00-{kind}.wav")[0] for kind in ("original", "copy"))
    assert original.shape == copy.shape == (8000,)
    assert "log-mel error" in (page / "index.html").read_text()


def test_a_run_killed_half_way_ends_as_if_it_had_not_been(
    whole, tmp_path, monkeypatch, assert_equal_weights
):
    settings, folder = whole
    task = vocoder_task(settings, tmp_path / "run", "cpu")
    original = type(task).draw

    def dies(self, step, slots):
        if step == 17:
            raise KeyboardInterrupt
        return original(self, step, slots)

    monkeypatch.setattr(type(task), "draw", dies)
    with pytest.raises(KeyboardInterrupt):
        run(settings, tmp_path / "run")
    monkeypatch.undo()
    assert run(settings, tmp_path / "run") is Ending.FINISHED
    assert (tmp_path / "run/log.jsonl").read_text() == (folder / "log.jsonl").read_text()
    assert_equal_weights(load_vocoder(tmp_path / "run/model"), load_vocoder(folder / "model"))


def test_the_folder_is_a_vocoder_for_from_pretrained(whole, tiny):
    settings, folder = whole
    card = (folder / "model/README.md").read_text()
    assert card.startswith("---")
    assert f"log-mel error {measured(folder, 24)['log-mel error']:.4g}" in card
    vocoder = load_vocoder(folder / "model")
    assert not [name for name in vocoder.state_dict() if "parametrizations" in name]
    if settings.generator.kind == "fourier":
        assert vocoder.bands == 256
        return
    model = AuffusionPipeline.from_pretrained(tiny, vocoder=folder / "model")
    (sound,) = model("a bell", num_inference_steps=1, audio_length_in_s=1.0).audios
    assert sound.shape == (16_000,)
    assert 0 < np.abs(sound).max() <= 1


def test_the_exported_weights_are_the_trained_ones_folded(whole):
    settings, folder = whole
    task = vocoder_task(settings, folder, "cpu")
    task.generator.eval()
    log_mel = torch.randn(1, task._mel.config.bands, 20) - 5
    exported = load_vocoder(folder / "model").network
    tensors = CheckpointStore(folder).newest(pytest.fail).tensors
    part = "average" if settings.loop.average_decay else "weights"
    start = f"generator.{part}."
    kept = {name[len(start) :]: t for name, t in tensors.items() if name.startswith(start)}
    put_tensors(trained_tensors(task.generator), kept)
    with torch.no_grad():
        torch.testing.assert_close(exported(log_mel), task.generator(log_mel), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("layout", ["model", "published", "own"])
def test_a_run_may_start_from_any_vocoder(data, tiny, tmp_path, layout):
    """Of a model's folder, of a published vocoder folder (vocoder.pt), of a folder of ours."""
    base = {"model": tiny, "own": tiny / "vocoder", "published": tmp_path / "published/vocoder"}
    if layout == "published":
        convert_checkpoint(tiny, tmp_path / "published", "published")
        assert (base[layout] / "vocoder.pt").is_file()
    settings = config(data, f"generator.base={base[layout]}")
    task = vocoder_task(settings, tmp_path / "run", "cpu")
    log_mel = torch.randn(1, 64, 20) - 5
    with torch.no_grad():
        given = load_vocoder(tiny / "vocoder").network(log_mel)
        torch.testing.assert_close(task.generator(log_mel), given, atol=1e-5, rtol=1e-4)


def test_a_share_of_examples_passes_through_the_vae_of_a_model(data, tiny, tmp_path):
    def shown(share):
        settings = config(
            data,
            f"generator.base={tiny}",
            f"input.model={tiny}",
            f"input.decoded={share}",
            "input.context_frames=64",
            "loop.batch=12",
        )
        return vocoder_task(settings, tmp_path, "cpu").draw(3, range(12))

    some, every = shown(0.5), shown(1.0)
    assert torch.equal(some.target, every.target)
    same = [torch.equal(a, b) for a, b in zip(some.shown, every.shown, strict=True)]
    assert 2 <= sum(same) <= 10
    # What did not pass through is the log-mel of the sound itself, seen with what surrounds it.
    task = vocoder_task(config(data, f"generator.base={tiny}"), tmp_path, "cpu")
    for passed, target, log_mel in zip(same, some.target, some.shown, strict=True):
        inside = (task._mel(target[None])[0] - log_mel)[:, 8:-8].abs().max()
        assert bool(inside > 1e-2) is passed


def test_the_vae_sees_whole_pictures_of_which_the_example_is_a_part(data, tiny, tmp_path):
    settings = config(
        data,
        f"generator.base={tiny}",
        f"input.model={tiny}",
        "input.decoded=1.0",
        "input.context_frames=64",
    )
    task = vocoder_task(settings, tmp_path, "cpu")
    seen = []
    decode = task._decode
    task._decode = lambda log_mel: seen.append(log_mel.shape) or decode(log_mel)
    batch = task.draw(0, range(2))
    assert seen == [(1, 64, 64)] * 2
    assert batch.shown.shape == (2, 64, 24)
    assert batch.target.shape == (2, 24 * 160)


def test_discriminators_judge_what_the_generator_made_in_the_same_step(data, tmp_path):
    task = vocoder_task(config(data, *SMALL_HIFIGAN), tmp_path, "cpu")
    assert [player.name for player in task.players] == ["generator", "discriminators"]
    batch = task.draw(0, range(2))
    terms = task.losses("generator", batch, 0)
    assert terms.keys() == {"mel", "adversarial", "features"}
    made = task.generator(batch.shown)
    torch.testing.assert_close(batch.made, made)
    assert not batch.made.requires_grad
    real, fake = (task.discriminators(one) for one in (batch.target, batch.made))
    expected = sum((1 - s).square().mean() for s in real.scores)
    expected += sum(s.square().mean() for s in fake.scores)
    # Spectral norm moves on a little with every look.
    assert task.losses("discriminators", batch, 0)["loss"].item() == pytest.approx(
        expected.item(), rel=1e-2
    )


def test_the_recipe_of_the_paper_is_what_the_paper_says():
    """B.1: AdamW, 2e-4, batch 16, HiFi-GAN for 256 bands and 160 samples a frame."""
    paper = read_config(VocoderConfig, shipped_recipes()["vocoder"])
    assert (paper.loop.learning_rate, paper.loop.batch) == (2e-4, 16)
    assert (paper.loop.beta1, paper.loop.beta2) == (0.8, 0.99)
    shape = paper.generator.hifigan
    assert (shape.num_mels, shape.hop_length) == (256, 160)
    losses = paper.losses
    assert (losses.adversarial, losses.feature_matching, losses.mel) == (1, 2, 45)
    assert paper.discriminators.periods == (2, 3, 5, 7, 11)
    # The rate after an epoch of LJ Speech's 13,100 clips.
    assert paper.loop.rate(13_100 // 16) == pytest.approx(0.999 * 2e-4, rel=1e-5)


@pytest.mark.parametrize("changes", [SMALL_HIFIGAN, FOURIER], ids=["hifigan", "fourier"])
def test_processes_that_share_a_step_minimise_what_one_would(data, tmp_path, changes):
    """The mean over two slots alone is the loss of both together."""
    task = vocoder_task(config(data, *changes), tmp_path, "cpu")
    if task.discriminators is not None:
        task.discriminators.eval()  # spectral norm would move on with every look

    def losses(slots):
        batch = task.draw(5, slots)
        return {
            f"{player.name}.{name}": value.item()
            for player in task.players
            for name, value in task.losses(player.name, batch, 5).items()
        }

    both, one, two = losses(range(2)), losses(range(1)), losses(range(1, 2))
    assert one != two
    for name, value in both.items():
        assert value == pytest.approx((one[name] + two[name]) / 2, rel=1e-5), name


def test_a_run_in_bfloat16_measures_spectra_in_float32(data, tmp_path):
    settings = config(
        data,
        *SMALL_HIFIGAN,
        "losses.stft=1.0",
        "loop.precision=bfloat16",
        "loop.steps=1",
        "loop.batch=1",
    )
    assert run(settings, tmp_path / "run") is Ending.FINISHED
    coarse = json.loads((tmp_path / "run/log.jsonl").read_text())
    task = vocoder_task(settings, tmp_path, "cpu")
    exact = task.losses("generator", task.draw(0, range(1)), 0)
    for name in ("mel", "stft"):
        assert coarse[f"generator.{name}"] == pytest.approx(exact[name].item(), rel=2e-2)


def test_operations_are_counted(data, tmp_path):
    task = vocoder_task(config(data, *SMALL_HIFIGAN), tmp_path, "cpu")
    without = vocoder_task(
        config(data, *SMALL_HIFIGAN, "losses.adversarial=0"), tmp_path, "cpu"
    ).flops_per_example()
    assert 1e6 < without < task.flops_per_example()
    assert all(p.grad is None for p in task.generator.parameters())
    assert all(p.requires_grad for p in task.discriminators.parameters())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["frames=6"], "frames is 6: choose more than 6"),
        (["losses.mel=-1"], "must not be negative"),
        (["losses.adversarial=0", "losses.mel=0"], "one of them besides feature_matching"),
        (["input.decoded=0.5"], "go together: name the VAE"),
        (["input.smoothed=2"], "shares from 0 to 1"),
        (["generator.base=nowhere"], "there is no model 'nowhere'"),
        (["data.split=test"], "has no clip in the split 'test'"),
        (["listening.split=test"], "has no clip in the split 'test'"),
        (["discriminators.periods=[]", "discriminators.scales=0"], "there is no discriminator"),
        (["generator.kind=wavenet"], "expected one of hifigan, fourier"),
    ],
)
def test_settings_that_cannot_be_are_one_sentence(data, tmp_path, changes, sentence):
    with pytest.raises(InputError, match=sentence):
        vocoder_task(config(data, *SMALL_HIFIGAN, *changes), tmp_path, "cpu")


def test_a_vae_of_another_front_end_is_refused(data, tiny, tmp_path):
    changes = ["generator.hifigan.num_mels=32", f"input.model={tiny}", "input.decoded=1.0"]
    with pytest.raises(InputError, match="is of 64 mel bands"):
        vocoder_task(config(data, *SMALL_HIFIGAN, *changes), tmp_path, "cpu")
