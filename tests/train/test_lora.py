"""`auffusion train lora` on real sounds: small checkpoints, LoRAs that stack, new words."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from auffusion.cli import main
from auffusion.config import read_config
from auffusion.data.preparation import Preparation
from auffusion.data.preparers.folder import FOLDER
from auffusion.errors import InputError
from auffusion.executor import SerialExecutor
from auffusion.pipeline import AuffusionPipeline, tiny_pipeline
from auffusion.pipeline.loras import LORA_FILE, Lora, load_loras, lora_identity
from auffusion.pipeline.new_words import WORDS_FILES, load_new_words
from auffusion.train.caching import compute_cache
from auffusion.train.kinds import KINDS
from auffusion.train.latent_cache import MakeLatentComputer
from auffusion.train.loop import Ending
from auffusion.train.lora import LoraSettings, add_lora, lora_parameters
from auffusion.train.lora_run import LoraConfig, lora_task, needed_parts
from auffusion.train.text_cache import MakeTextComputer

SOUNDS = Path(__file__).parents[1] / "sounds"
WORD = "<zing>"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four real clips; their captions use a word that no tokenizer knows."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "source").mkdir()
    rows = ["file_name,caption"]
    for name in ("bell", "drums", "guitar", "steam"):
        samples, rate = soundfile.read(SOUNDS / f"{name}.flac", dtype="float32")
        soundfile.write(folder / f"source/{name}.wav", np.resize(samples, 5 * rate // 2), rate)
        rows.append(f"{name}.wav,a {WORD} {name}")
    (folder / "source/metadata.csv").write_text("\n".join(rows))
    job = Preparation(data_set=FOLDER, source=folder / "source", output=folder / "out")
    job.run(SerialExecutor())
    return folder / "out"


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """Tiny models of both conventions, one of them with two text encoders, by name."""
    folder = tmp_path_factory.mktemp("models")
    tiny_pipeline(seed=2, encoders=("clip", "t5")).save_pretrained(folder / "adapter")
    tiny_pipeline(seed=2, layout="stable-diffusion").save_pretrained(folder / "stable-diffusion")
    return folder


def config(data, base, *words):
    given = [
        f"data.folder={data}",
        f"model.base={base}",
        "loop.tracker=none",
        "listening.prompts=['a bell']",
        "listening.steps=1",
        "loop.batch=4",
    ]
    return read_config(LoraConfig, None, [*given, *words])


NEW_WORD = (f"words.new=['{WORD}']", "words.like=['bell']")


@pytest.fixture(scope="module")
def trained(data, bases, tmp_path_factory):
    """A finished run with a new word, for the model in the Stable Diffusion layout."""
    run = tmp_path_factory.mktemp("run")
    settings = config(
        data,
        bases / "stable-diffusion",
        *NEW_WORD,
        "lora.alpha=16",
        "loop.steps=30",
        "loop.learning_rate=2e-2",
        "objective.stratified=true",
    )
    assert KINDS["lora"].run(settings, run, "cpu") is Ending.FINISHED
    return run


def sing(pipeline, prompt="a bell", **options):
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(prompt, num_inference_steps=2, output_type="pt", **options).audios


def base_model(bases):
    return AuffusionPipeline.from_pretrained(bases / "stable-diffusion")


def test_the_loss_falls_and_a_checkpoint_holds_only_what_is_trained(trained, read_log):
    losses = [line["loss"] for line in read_log(trained)]
    assert np.mean(losses[-10:]) < 0.97 * np.mean(losses[:5])
    (state,) = (trained / "checkpoints").glob("step-00000030/state.safetensors")
    with safe_open(state, "pt") as file:
        names = [name for name in file.keys() if ".weights." in name]  # noqa: SIM118
    assert names
    assert all(".lora_" in name or name.endswith("words.0.rows") for name in names)
    assert state.stat().st_size < 200_000


def test_a_lora_is_heard_at_its_strength_and_leaves_without_a_trace(trained, bases):
    model = base_model(bases)
    before = sing(model)
    model.load_lora_weights(trained / "model", adapter_name="zing")
    full = sing(model)
    assert not torch.equal(full, before)
    none = sing(model, cross_attention_kwargs={"scale": 0.0})
    torch.testing.assert_close(none, before, rtol=0, atol=1e-5)
    model.set_adapters(["zing"], [0.5])
    half = sing(model)
    assert not torch.equal(half, full)
    torch.testing.assert_close(half, sing_at(bases, trained / "model", 0.5), rtol=0, atol=1e-5)
    model.unload_lora_weights()
    assert torch.equal(sing(model), before)


def sing_at(bases, folder, scale):
    model = base_model(bases)
    load_loras(model, [Lora(folder=folder, scale=scale)])
    return sing(model)


def test_what_is_exported_is_what_was_trained(data, bases, tmp_path):
    """Alpha, which is not the rank here, travels with the weights."""
    settings = config(data, bases / "adapter", "lora.rank=2", "lora.alpha=6", "loop.steps=3")
    task = lora_task(settings, tmp_path, "cpu")
    pipeline = task._showcase._model.pipeline
    with torch.no_grad():
        for name, weight in pipeline.unet.named_parameters():
            if ".lora_B" in name:
                weight.copy_(torch.linspace(-1, 1, weight.numel()).reshape(weight.shape))
    (tmp_path / "log.jsonl").write_text('{"step": 1, "loss": 1.0}\n')
    task.export(tmp_path / "model")
    loaded = AuffusionPipeline.from_pretrained(bases / "adapter")
    loaded.load_lora_weights(tmp_path / "model")
    # Laid out as what is loaded: sums in another order would differ in their last bits.
    pipeline.unet.to(memory_format=torch.contiguous_format).eval()
    wanted = sing(pipeline)
    assert not torch.equal(sing(AuffusionPipeline.from_pretrained(bases / "adapter")), wanted)
    torch.testing.assert_close(sing(loaded), wanted, rtol=0, atol=1e-6)
    assert (
        f"--model {bases / 'adapter'} --lora FOLDER" in (tmp_path / "model/README.md").read_text()
    )


def test_loras_stack(trained, bases, tmp_path):
    """Two at a half each are one at full strength, if both are the same."""
    other = tmp_path / "other"
    other.mkdir()
    (other / LORA_FILE).write_bytes((trained / "model" / LORA_FILE).read_bytes())
    model = base_model(bases)
    load_loras(model, [Lora(folder=trained / "model", scale=0.5), Lora(folder=other, scale=0.5)])
    torch.testing.assert_close(
        sing(model), sing_at(bases, trained / "model", 1.0), rtol=0, atol=1e-4
    )


def test_a_new_word_is_one_learnt_row_and_no_other_changes(trained, bases):
    learnt = load_file(trained / "model" / WORDS_FILES[0])
    assert list(learnt) == [WORD]
    model, plain = base_model(bases), base_model(bases)
    letters = plain.tokenizer("bell", add_special_tokens=False)["input_ids"]
    table = plain.text_encoder.get_input_embeddings().weight
    assert not torch.allclose(learnt[WORD], table[letters].mean(dim=0), atol=1e-3)
    torch.testing.assert_close(learnt[WORD], table[letters].mean(dim=0), rtol=0, atol=1.0)
    before = sing(model, "a bell")
    assert load_new_words(model, trained / "model") == [WORD]
    number = model.tokenizer.convert_tokens_to_ids(WORD)
    assert (
        model.tokenizer(f"a {WORD} bell", add_special_tokens=False)["input_ids"].count(number) == 1
    )
    now = model.text_encoder.get_input_embeddings().weight
    assert torch.equal(now[:number], table[:number])
    assert torch.equal(now[number], learnt[WORD])
    assert torch.equal(sing(model, "a bell"), before)
    assert not torch.equal(sing(model, f"a {WORD} bell"), sing(plain, f"a {WORD} bell"))


def test_a_model_with_a_new_word_is_saved_and_loaded(trained, bases, tmp_path):
    model = base_model(bases)
    load_new_words(model, trained / "model")
    model.save_pretrained(tmp_path / "saved")
    again = AuffusionPipeline.from_pretrained(tmp_path / "saved")
    assert torch.equal(sing(again, f"a {WORD}"), sing(model, f"a {WORD}"))


class KilledError(Exception):
    """Stands for a run's sudden end."""


def test_what_dropped_inputs_while_it_learnt_does_so_no_more(data, bases, trained, tmp_path):
    base = bases / "stable-diffusion"
    words = ("lora.dropout=0.9", "loop.steps=2", "loop.learning_rate=1e-2")
    KINDS["lora"].run(config(data, base, *words), tmp_path / "run", "cpu")
    by_diffusers, by_us = base_model(bases), base_model(bases)
    by_diffusers.load_lora_weights(tmp_path / "run/model", weight_name=LORA_FILE)
    # Two at once bring no warning either.
    load_loras(by_us, [Lora(folder=tmp_path / "run/model"), Lora(folder=trained / "model")])
    for model in (by_diffusers, by_us):
        assert torch.equal(sing(model), sing(model))


@pytest.mark.parametrize("layout", ["adapter", "stable-diffusion"])
def test_a_killed_run_ends_as_if_it_had_not_been(data, bases, tmp_path, read_log, layout):
    settings = config(
        data,
        bases / layout,
        *NEW_WORD,
        "lora.dropout=0.2",
        "loop.average_decay=0.9",
        "loop.steps=6",
        "loop.save_every=2",
        "model.gradient_checkpointing=true",
    )
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    KINDS["lora"].run(settings, whole, "cpu")

    def die(step, _values):
        if step == 5:
            raise KilledError

    with pytest.raises(KilledError):
        KINDS["lora"].run(settings, killed, "cpu", die)
    KINDS["lora"].run(settings, killed, "cpu")
    assert read_log(killed) == read_log(whole)
    for name in (LORA_FILE, *WORDS_FILES[: 2 if layout == "adapter" else 1]):
        one, two = (load_file(run / "model" / name) for run in (killed, whole))
        assert one.keys() == two.keys()
        assert all(torch.equal(one[key], two[key]) for key in one)


def test_with_caches_only_the_unet_stays_on_the_device(data, bases, tmp_path):
    base = bases / "adapter"
    compute_cache(MakeLatentComputer(data=data, model=str(base)), tmp_path / "l", SerialExecutor())
    compute_cache(MakeTextComputer(data=data, model=str(base)), tmp_path / "t", SerialExecutor())
    caches = (f"data.latents={tmp_path / 'l'}", f"data.text={tmp_path / 't'}")
    adapters = {"condition_adapter", "condition_adapter_2"}
    assert needed_parts(config(data, base, *caches)) == {"unet", *adapters}
    encoders = {"text_encoder", "text_encoder_2"}
    assert needed_parts(config(data, base, caches[0], *NEW_WORD)) == {"unet", *adapters, *encoders}
    assert {"vae", "vocoder"} < needed_parts(config(data, base, caches[1]))
    live = lora_task(config(data, base), tmp_path, "cpu").draw(3, range(4))
    kept = lora_task(config(data, base, *caches), tmp_path, "cpu").draw(3, range(4))
    for one, two in zip(live.rows, kept.rows, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=2e-3)


def kept_bytes(task):
    """Bytes of the activations that a step remembers."""
    seen = {}

    def keep(tensor):
        seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    batch = task.draw(0, range(4))
    weights = {p.untyped_storage().data_ptr() for p in task.network.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        task.losses("network", batch, 0)["loss"].backward()
    return sum(size for place, size in seen.items() if place not in weights)


def test_checkpointing_and_sixteen_bits_take_less_memory(data, bases, tmp_path):
    base = bases / "stable-diffusion"
    plain = lora_task(config(data, base), tmp_path, "cpu")
    words = ("model.weights=bfloat16", "loop.precision=bfloat16")
    half = lora_task(config(data, base, *words), tmp_path, "cpu")
    careful = lora_task(config(data, base, "model.gradient_checkpointing=true"), tmp_path, "cpu")
    assert kept_bytes(careful) < 0.5 * kept_bytes(plain)
    for name, weight in half.network.unet.named_parameters():
        assert weight.dtype == (torch.float32 if ".lora_" in name else torch.bfloat16), name
        assert weight.requires_grad == (".lora_" in name)


def test_a_run_in_sixteen_bits_makes_sound(data, bases, tmp_path):
    words = ("model.weights=bfloat16", "loop.precision=bfloat16", "loop.steps=2")
    run = tmp_path / "run"
    KINDS["lora"].run(config(data, bases / "stable-diffusion", *words), run, "cpu")
    layers = load_file(run / "model" / LORA_FILE)
    assert {layer.dtype for layer in layers.values()} == {torch.float32}
    assert (run / "sounds/step-00000002/00.wav").is_file()


def test_files_name_their_loras_and_are_made_again(trained, bases, tmp_path, capsys):
    sound, lora = tmp_path / "a.flac", trained / "model"
    common = ["--steps", "2", "--model", str(bases / "stable-diffusion")]
    words = ["generate", f"a {WORD}", "-o", str(sound), *common, "--lora", f"{lora}:0.5"]
    assert main(words) == 0
    record = json.loads(soundfile.SoundFile(sound).comment)
    told = {"name": str(lora), "sha256": lora_identity(lora), "scale": 0.5}
    assert record["loras"] == [told]
    capsys.readouterr()
    assert main(["regenerate", str(sound)]) == 0
    assert "identical" in capsys.readouterr().out
    moved = tmp_path / "moved"
    lora_copy(lora, moved)
    assert main(["regenerate", str(sound), "--lora", str(moved)]) == 0
    lora_copy(lora, moved, factor=2.0)
    assert main(["regenerate", str(sound), "--lora", str(moved)]) == 2
    assert "was made with another LoRA" in capsys.readouterr().err
    assert main(["regenerate", str(sound), "--lora", str(moved), "--lora", str(moved)]) == 2
    assert "was made with 1 LoRAs" in capsys.readouterr().err
    folder = ["-o", str(tmp_path / "many")]
    assert main(["generate", "a", "b", *folder, *common, "--json"]) == 0
    assert [json.loads(line)["made"] for line in capsys.readouterr().out.splitlines()] == [True] * 2
    assert main(["generate", "a", "b", *folder, *common, "--json", "--lora", str(lora)]) == 0
    assert [json.loads(line)["made"] for line in capsys.readouterr().out.splitlines()] == [True] * 2
    assert main(["generate", "a", "b", *folder, *common, "--json", "--lora", str(lora)]) == 0
    assert [json.loads(line)["made"] for line in capsys.readouterr().out.splitlines()] == [
        False
    ] * 2


def lora_copy(source, target, factor=1.0):
    target.mkdir(exist_ok=True)
    for name in (LORA_FILE, WORDS_FILES[0]):
        with safe_open(source / name, "pt") as file:
            metadata = file.metadata()
        tensors = {n: factor * t for n, t in load_file(source / name).items()}
        if factor == 1.0:
            (target / name).write_bytes((source / name).read_bytes())
        else:
            save_file(tensors, target / name, metadata=metadata)


def test_a_folder_may_have_a_colon_and_a_scale_may_be_left_out():
    assert Lora.parse("a/b") == Lora(folder=Path("a/b"))
    assert Lora.parse("a:b/c") == Lora(folder=Path("a:b/c"))
    assert Lora.parse("a:b:0.25") == Lora(folder=Path("a:b"), scale=0.25)
    with pytest.raises(InputError, match="0 to 1 is usual"):
        Lora.parse("a:nan")


def test_a_lora_of_another_model_or_none_is_one_sentence(trained, bases, tmp_path):
    model = AuffusionPipeline.from_pretrained("embedded")
    with pytest.raises(InputError, match="is of another size or not there"):
        load_loras(model, [Lora(folder=trained / "model")])
    with pytest.raises(InputError, match="expected a folder with pytorch_lora_weights"):
        load_loras(model, [Lora(folder=tmp_path)])
    with pytest.raises(InputError, match="of another width than the text encoder's 384"):
        load_new_words(model, trained / "model")
    (tmp_path / LORA_FILE).write_bytes(b"damaged")
    with pytest.raises(InputError, match="not a whole safetensors file"):
        load_loras(base_model(bases), [Lora(folder=tmp_path)])
    model = base_model(bases)
    load_new_words(model, trained / "model")
    with pytest.raises(InputError, match="is a token already"):
        load_new_words(model, trained / "model")


def test_pickled_weights_are_not_opened(bases, tmp_path):
    torch.save({"unet.x": torch.zeros(1)}, tmp_path / "pytorch_lora_weights.bin")
    with pytest.raises(InputError, match="expected a folder with"):
        load_loras(base_model(bases), [Lora(folder=tmp_path)])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["lora.rank=0"], "both must be 1 or more"),
        (["lora.dropout=1.0"], "0 up to below 1"),
        (["words.new=['x']"], "what it is to mean at first"),
        (["words.new=['x']", "words.like=['y']", "data.text=z"], "leave data.text and data.more"),
        (["model.weights=bfloat16"], "set loop.precision to bfloat16"),
    ],
)
def test_settings_that_make_no_sense_are_one_sentence(words, sentence):
    with pytest.raises(InputError, match=sentence):
        config("data", "embedded", *words)


def test_words_and_layers_that_do_not_fit_are_told(data, bases, tmp_path):
    base = bases / "stable-diffusion"
    with pytest.raises(InputError, match="is a token already"):
        lora_task(config(data, base, "words.new=['a']", "words.like=['b']"), tmp_path, "cpu")
    with pytest.raises(InputError, match="in which the tokenizer finds nothing"):
        lora_task(config(data, base, "words.new=['<x>']", "words.like=['']"), tmp_path, "cpu")
    with pytest.raises(InputError, match=r"lora\.targets names nothing"):
        add_lora(base_model(bases).unet, LoraSettings(targets=("nothing",)), 0)


def test_the_guide_counts_the_weights_of_stable_diffusion():
    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=768)
        frozen = sum(weight.numel() for weight in unet.parameters())
        add_lora(unet, LoraSettings(), 0)
    trained = sum(weight.numel() for weight in lora_parameters(unet))
    guide = (Path(__file__).parents[2] / "docs/guides/training-lora.md").read_text()
    assert f"{frozen:,} weights" in guide
    assert f"trains {trained:,}" in guide
