"""LoRAs and new words: what is trained, kept and exported, and what sounds with them are."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from auffusion.cli import main
from auffusion.data.preparation import Preparation
from auffusion.data.preparers.folder import FOLDER
from auffusion.errors import InputError
from auffusion.executor import SerialExecutor
from auffusion.pipeline import AuffusionPipeline, tiny_pipeline
from auffusion.pipeline.loras import LORA_FILE, Lora, load_loras
from auffusion.pipeline.new_words import WORDS_FILES, load_new_words
from auffusion.train.config import read_config
from auffusion.train.kinds import KINDS
from auffusion.train.lora import LoraSettings, add_lora
from auffusion.train.lora_run import LoraConfig, lora_task

SOUNDS = Path(__file__).parents[1] / "sounds"
WORD = "<my-bell>"
FEW = (
    "loop.tracker=none",
    "loop.steps=8",
    "loop.batch=2",
    "loop.save_every=2",
    "loop.learning_rate=1e-2",
    "loop.threads=1",
    "lora.rank=4",
    "lora.alpha=8",
    "lora.dropout=0.1",
    'listening.prompts=["a bell"]',
    "listening.steps=1",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four real sounds, whose captions use a word that nobody knows."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "source").mkdir()
    rows = ["file_name,caption"]
    for name in ("bell", "drums", "guitar", "steam"):
        samples, rate = soundfile.read(SOUNDS / f"{name}.flac", dtype="float32")
        soundfile.write(folder / f"source/{name}.wav", samples, rate)
        rows.append(f"{name}.wav,a {name} like {WORD}")
    (folder / "source/metadata.csv").write_text("\n".join(rows))
    job = Preparation(data_set=FOLDER, source=folder / "source", output=folder / "out")
    job.run(SerialExecutor())
    return folder / "out"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A model with two text encoders, of which T5's table has no room for more words."""
    folder = tmp_path_factory.mktemp("model") / "tiny"
    tiny_pipeline(seed=1, encoders=("clip", "t5")).save_pretrained(folder)
    return folder


def config(data, base, *words):
    return read_config(LoraConfig, None, [f"data.folder={data}", f"model.base={base}", *words])


def with_word(data, base, *words):
    named = (f"words.new=['{WORD}']", "words.like=['bell']")
    return config(data, base, *FEW, *named, *words)


@pytest.fixture(scope="module")
def run(data, base, tmp_path_factory):
    """A run that nothing interrupted, with a new word."""
    folder = tmp_path_factory.mktemp("run")
    KINDS["lora"].run(with_word(data, base), folder, "cpu")
    return folder


@pytest.fixture(scope="module")
def plain(data, base, tmp_path_factory):
    """Another one, without words."""
    folder = tmp_path_factory.mktemp("plain")
    KINDS["lora"].run(config(data, base, *FEW, "loop.seed=5"), folder, "cpu")
    return folder


@pytest.fixture
def model(base):
    loaded = AuffusionPipeline.from_pretrained(base)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def sing(model, prompt="a bell", **options):
    made = model(
        prompt,
        num_inference_steps=2,
        audio_length_in_s=0.5,
        seeds=[3],
        output_type="pt",
        **options,
    )
    return made.audios


def test_the_loss_falls_on_real_sounds(data, base, tmp_path, read_log):
    words = ("loop.steps=30", "loop.batch=4", "loop.save_every=30", "objective.stratified=true")
    KINDS["lora"].run(config(data, base, *FEW, *words), tmp_path / "run", "cpu")
    losses = [line["loss"] for line in read_log(tmp_path / "run")]
    assert np.mean(losses[-6:]) < 0.95 * np.mean(losses[:6])


class KilledError(Exception):
    """Stands for a run's sudden end."""


def test_a_killed_run_ends_with_the_same_files(data, base, run, tmp_path, read_log):
    def die(step, _values):
        if step == 5:
            raise KilledError

    with pytest.raises(KilledError):
        KINDS["lora"].run(with_word(data, base), tmp_path / "run", "cpu", die)
    KINDS["lora"].run(with_word(data, base), tmp_path / "run", "cpu")
    assert read_log(tmp_path / "run") == read_log(run)
    for name in (LORA_FILE, *WORDS_FILES):
        assert (tmp_path / "run/model" / name).read_bytes() == (run / "model" / name).read_bytes()


def test_a_checkpoint_holds_nothing_of_the_base(run):
    (state,) = (run / "checkpoints").glob("step-00000008/state.safetensors")
    with safe_open(state, "pt") as file:
        names = [n.removeprefix("network.weights.") for n in file.keys() if ".weights." in n]  # noqa: SIM118
    assert all(".lora_" in name or name.startswith("words.") for name in names)
    assert {"words.0.rows", "words.1.rows"} <= set(names)


def test_only_adapters_and_new_rows_are_trained_and_in_float32(data, base, tmp_path):
    halves = ("model.weights=bfloat16", "loop.precision=bfloat16")
    network = lora_task(with_word(data, base, *halves), tmp_path, "cpu").network
    trained = {n: p.dtype for n, p in network.named_parameters() if p.requires_grad}
    assert set(trained.values()) == {torch.float32}
    assert all(".lora_" in name or name.startswith("words.") for name in trained)
    assert network.unet.conv_in.weight.dtype == torch.bfloat16


def test_a_base_in_sixteen_bits_learns_nearly_the_same(data, base, plain, tmp_path, read_log):
    words = ("model.weights=bfloat16", "loop.precision=bfloat16", "loop.seed=5")
    spare = "model.gradient_checkpointing=true"
    KINDS["lora"].run(config(data, base, *FEW, *words, spare), tmp_path / "run", "cpu")
    losses, whole = ([line["loss"] for line in read_log(one)] for one in (tmp_path / "run", plain))
    assert losses == pytest.approx(whole, rel=0.02)


def test_diffusers_loads_it_scales_it_and_takes_it_off_without_a_trace(model, plain):
    before = sing(model)
    model.load_lora_weights(plain / "model", weight_name=LORA_FILE)
    with_lora = sing(model)
    assert not torch.allclose(with_lora, before, atol=1e-4)
    # What dropped inputs while it learnt does so no more.
    assert torch.equal(sing(model), with_lora)
    torch.testing.assert_close(sing(model, cross_attention_kwargs={"scale": 0.0}), before)
    model.unload_lora_weights()
    assert torch.equal(sing(model), before)


def test_a_layer_gives_the_sum_of_its_loras_each_as_strong_as_asked(model, plain, run):
    name = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    rows = torch.randn(1, 5, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = model.unet.get_submodule(name)(rows)
        for folder, scale in ((plain, 1.0), (run, -0.5)):
            state = load_file(folder / "model" / LORA_FILE)
            down, up = (state[f"unet.{name}.lora_{one}.weight"] for one in "AB")
            # alpha is 8 and the rank 4.
            wanted = wanted + scale * 2.0 * (rows @ down.T @ up.T)
        load_loras(
            model,
            [Lora(folder=plain / "model"), Lora(folder=run / "model", scale=-0.5)],
        )
        torch.testing.assert_close(model.unet.get_submodule(name)(rows), wanted)
    both = sing(model)
    model.set_adapters(["lora0"], [1.0])
    assert not torch.equal(sing(model), both)


def test_a_new_word_is_one_token_and_changes_no_other_prompt(model, run):
    before = sing(model)
    assert load_new_words(model, run / "model") == [WORD]
    assert torch.equal(sing(model), before)
    assert not torch.allclose(sing(model, f"a {WORD}"), before, atol=1e-4)
    assert len(model.tokenizer(WORD, add_special_tokens=False)["input_ids"]) == 1


def test_a_word_begins_as_what_it_is_like_and_learns(model, run):
    for name, part in zip(WORDS_FILES, ("", "_2"), strict=True):
        tokenizer, encoder = (model.components[f"{p}{part}"] for p in ("tokenizer", "text_encoder"))
        numbers = tokenizer("bell", add_special_tokens=False)["input_ids"]
        start = encoder.get_input_embeddings().weight.detach()[numbers].mean(dim=0)
        row = load_file(run / "model" / name)[WORD]
        # AdamW moves each number by no more than about the rate a step: eight of 0.01.
        assert 0 < (row - start).abs().max() < 0.1


def test_the_model_that_is_saved_with_a_word_still_knows_it(model, run, tmp_path):
    load_new_words(model, run / "model")
    model.save_pretrained(tmp_path / "taught")
    taught = AuffusionPipeline.from_pretrained(tmp_path / "taught")
    taught.set_progress_bar_config(disable=True)
    assert torch.equal(sing(taught, f"a {WORD}"), sing(model, f"a {WORD}"))


def test_what_does_not_fit_is_one_sentence(model, run, tmp_path):
    with pytest.raises(InputError, match="there is no LoRA"):
        load_loras(model, [Lora(folder=tmp_path)])
    save_file({WORD: torch.zeros(7)}, tmp_path / WORDS_FILES[0])
    save_file({WORD: torch.zeros(7)}, tmp_path / WORDS_FILES[1])
    with pytest.raises(InputError, match="another width"):
        load_new_words(model, tmp_path)
    state = {n: t[..., :3].contiguous() for n, t in load_file(run / "model" / LORA_FILE).items()}
    save_file(state, tmp_path / LORA_FILE)
    with pytest.raises(InputError, match="does not fit the model"):
        load_loras(model, [Lora(folder=tmp_path)])
    (tmp_path / LORA_FILE).write_bytes(b"no weights")
    with pytest.raises(InputError, match="not a whole safetensors file"):
        load_loras(model, [Lora(folder=tmp_path)])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["lora.rank=0"], "lora.rank is 0"),
        (["lora.dropout=1.0"], "choose 0 up to below 1"),
        (["words.new=['<a>']"], "give each new word what it is to mean"),
        (["words.new=['<a>']", "words.like=['a']", "data.text=x"], "leave data.text"),
        (["model.weights=bfloat16"], "set loop.precision to bfloat16"),
    ],
)
def test_settings_that_make_no_sense_are_one_sentence(words, sentence):
    with pytest.raises(InputError, match=sentence):
        config("data", "embedded", *words)


def test_layers_that_are_not_there_are_told(model):
    with pytest.raises(InputError, match="names to_nothing, but the U-Net has no such layer"):
        add_lora(model.unet, LoraSettings(targets=("to_nothing",)), 0)


@pytest.mark.parametrize(
    ("text", "folder", "scale"),
    [("rain", "rain", 1.0), ("rain:0.5", "rain", 0.5), ("C:/rain", "C:/rain", 1.0)],
)
def test_a_lora_is_named_with_its_scale(text, folder, scale):
    assert Lora.parse(text) == Lora(folder=Path(folder), scale=scale)


def test_a_file_names_its_loras_and_can_be_made_again(base, run, plain, tmp_path, capsys):
    made = tmp_path / "bell.wav"
    words = ["--lora", f"{run / 'model'}:0.5", "--lora", str(plain / "model")]
    sound = ["generate", f"a {WORD}", "-m", str(base), "-o", str(made), "--steps", "2"]
    assert main([*sound, *words]) == 0
    assert main(["regenerate", str(made)]) == 0
    assert "identical" in capsys.readouterr().out
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in (run / "model").iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    there = ["--lora", str(moved), "--lora", str(plain / "model")]
    assert main(["regenerate", str(made), *there]) == 0
    (moved / WORDS_FILES[0]).write_bytes((moved / WORDS_FILES[1]).read_bytes())
    assert main(["regenerate", str(made), *there]) == 2
    assert "made with another LoRA" in capsys.readouterr().err
    assert main(["regenerate", str(made), *there[:2]]) == 2
    assert "name them all in order" in capsys.readouterr().err


def test_the_card_says_how_it_is_used(run, base):
    card = (run / "model/README.md").read_text()
    assert f'auffusion generate "{WORD}" --model {base} --lora FOLDER' in card
    assert json.dumps(WORD) in card
