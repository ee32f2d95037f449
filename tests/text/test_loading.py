import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import T5Config, T5ForConditionalGeneration
from transformers.models.clap import ClapConfig, ClapModel
from transformers.models.clip.modeling_clip import CLIPTextModel

from auffusion.errors import InputError
from auffusion.text import build_text_encoder, load_text_encoder, load_tokenizer

IDS = torch.tensor([[3, 4, 5, 6]])


@torch.no_grad()
def rows(model):
    return model(input_ids=IDS).last_hidden_state


def copied(encoder, folder):
    """A folder's configuration and weights, to be rewritten by a test."""
    shutil.copytree(encoder.folder, folder, dirs_exist_ok=True)
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    return state


def configured(encoder, **changes):
    return {**json.loads((encoder.folder / "config.json").read_text()), **changes}


def test_every_kind_equals_what_transformers_loads(encoder):
    theirs = type(encoder.model).from_pretrained(encoder.folder).eval()
    assert torch.equal(rows(encoder.model), rows(theirs))
    assert not encoder.model.training


@pytest.mark.parametrize("ending", [".bin", ".safetensors"])
@pytest.mark.parametrize("prefix", ["", "text_model."])
def test_clip_weights_of_any_age_give_the_same_rows(encoders, tmp_path, prefix, ending):
    clip = encoders["clip"]
    state = {prefix + key: value for key, value in copied(clip, tmp_path).items()}
    # Old files also hold the positions that the model now counts itself.
    state[prefix + "embeddings.position_ids"] = torch.arange(77)[None]
    if ending == ".bin":
        torch.save(state, tmp_path / "pytorch_model.bin")
    else:
        save_file(state, tmp_path / "model.safetensors")
    assert torch.equal(rows(load_text_encoder(tmp_path)), rows(clip.model))


def test_a_file_in_half_precision_is_loaded_in_full(encoders, tmp_path):
    state = copied(encoders["clip"], tmp_path)
    save_file({k: v.half() for k, v in state.items()}, tmp_path / "model.safetensors")
    loaded = load_text_encoder(tmp_path)
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}


def test_the_encoder_of_a_whole_t5_is_taken():
    config = T5Config(vocab_size=30, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2)
    torch.manual_seed(0)
    whole = T5ForConditionalGeneration(config).eval()
    described = {**whole.config.to_dict(), "architectures": ["T5ForConditionalGeneration"]}
    loaded = build_text_encoder(described, whole.state_dict())
    with torch.no_grad():
        expected = whole.encoder(input_ids=IDS).last_hidden_state
    torch.testing.assert_close(rows(loaded), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["shared.weight", "encoder.embed_tokens.weight"])
def test_t5_files_may_hold_the_token_table_under_either_name(encoders, name):
    t5 = encoders["t5"]
    state = t5.model.state_dict()
    table = state.pop("shared.weight")
    state.pop("encoder.embed_tokens.weight")
    loaded = build_text_encoder(configured(t5), {**state, name: table})
    assert torch.equal(rows(loaded), rows(t5.model))


def test_the_text_half_of_a_whole_clap_is_taken(encoders):
    text = encoders["clap"].model.config.to_dict()
    audio = {"depths": [1], "num_attention_heads": [2], "hidden_size": 8, "num_hidden_layers": 1}
    audio |= {"patch_embeds_hidden_size": 8, "spec_size": 32, "num_mel_bins": 8}
    torch.manual_seed(0)
    whole = ClapModel(ClapConfig(text_config=text, audio_config=audio, projection_dim=8)).eval()
    described = {**whole.config.to_dict(), "architectures": ["ClapModel"]}
    loaded = build_text_encoder(described, whole.state_dict())
    with torch.no_grad():
        expected = whole.text_model(input_ids=IDS).last_hidden_state
    torch.testing.assert_close(rows(loaded), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("prefix", ["", "bert."])
@pytest.mark.parametrize("pooled", [True, False])
def test_bert_loads_with_and_without_its_pooler(encoders, prefix, pooled):
    bert = encoders["bert"]
    state = {
        prefix + name: tensor
        for name, tensor in bert.model.state_dict().items()
        if pooled or not name.startswith("pooler.")
    }
    loaded = build_text_encoder(configured(bert), state)
    assert torch.equal(rows(loaded), rows(bert.model))


class TestStrictness:
    def test_a_missing_weight_is_named(self, encoder):
        state = encoder.model.state_dict()
        name = next(key for key in state if "layer" in key.lower() and "weight" in key)
        del state[name]
        with pytest.raises(InputError, match=f"lacks the weights: {name}"):
            build_text_encoder(configured(encoder), state)

    def test_a_weight_too_many_is_named(self, encoder):
        state = {**encoder.model.state_dict(), "head.weight": torch.ones(1)}
        with pytest.raises(InputError, match=r"belong to no layer: head\.weight"):
            build_text_encoder(configured(encoder), state)

    def test_a_weight_of_another_size_is_named(self, encoder):
        state = encoder.model.state_dict()
        name = next(key for key in state if key.endswith("weight"))
        state[name] = torch.ones(1, 2, 3)
        with pytest.raises(InputError, match=f"of another size .*{name}"):
            build_text_encoder(configured(encoder), state)

    def test_many_names_are_counted_and_not_listed(self, encoders):
        with pytest.raises(InputError, match=r"lacks the weights: (\S+, ){2}\S+ and \d+ more;"):
            build_text_encoder(configured(encoders["clip"]), {})


@pytest.mark.parametrize(
    "architectures",
    [
        ["CLIPModel"],
        ["CLIPTextModelWithProjection"],
        ["LlamaModel"],
        [],
        None,
        "CLIPTextModel",
        [3],
    ],
)
def test_another_architecture_is_refused(encoders, architectures):
    config = configured(encoders["clip"], architectures=architectures)
    with pytest.raises(InputError, match="CLIPTextModel, BertModel, or a T5 or CLAP"):
        build_text_encoder(config, {})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"hidden_size": "wide"}, "makes no sense"),
        ({"hidden_size": 15}, "makes no sense"),
        ({"hidden_size": -1}, "makes no sense"),
        ({"num_attention_heads": 0}, "makes no sense"),
        ({"hidden_act": "no such function"}, "makes no sense"),
        ({"hidden_size": 2**40}, "makes no sense|of another size"),
        ({"hidden_size": 32}, "of another size"),
        ({"num_hidden_layers": None}, "makes no sense"),
        ({"num_hidden_layers": 3}, "lacks the weights"),
        ({"text_config": 7}, "makes no sense"),
        ({"vocab_size": 1.5}, "makes no sense"),
    ],
)
def test_a_configuration_without_sense_is_refused(encoders, change, complaint):
    clip = encoders["clip"]
    with pytest.raises(InputError, match=complaint) as caught:
        build_text_encoder(configured(clip, **change), clip.model.state_dict())
    assert "\n" not in str(caught.value)


def test_settings_that_could_fetch_code_are_ignored(encoders):
    clip = encoders["clip"]
    config = configured(
        clip,
        auto_map={"AutoModel": "elsewhere--code.Model"},
        attn_implementation="someone/kernel",
        _attn_implementation="someone/kernel",
        quantization_config={"quant_method": "gptq"},
    )
    loaded = build_text_encoder(config, clip.model.state_dict())
    assert torch.equal(rows(loaded), rows(clip.model))
    assert isinstance(loaded, CLIPTextModel)


@pytest.mark.parametrize("content", ["", "{", "[1]", "\0", "null"])
def test_a_damaged_config_file_is_refused(encoders, tmp_path, content):
    shutil.copytree(encoders["clip"].folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError, match=r"config\.json"):
        load_text_encoder(tmp_path)


def test_a_folder_without_config_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"config\.json cannot be read"):
        load_text_encoder(tmp_path)


class TestTokenizer:
    def test_a_published_folder_of_vocabulary_and_merges_is_enough(self, encoders):
        tokenizer = encoders["clip"].tokenizer
        end = tokenizer.eos_token_id
        dog = tokenizer.convert_tokens_to_ids("dog</w>")
        assert tokenizer("Dog")["input_ids"] == [tokenizer.bos_token_id, dog, end]
        assert tokenizer.pad_token_id == end

    @pytest.mark.parametrize("name", ["vocab.json", "tokenizer_config.json"])
    def test_damaged_files_are_refused(self, encoders, tmp_path, name):
        shutil.copytree(encoders["clip"].folder, tmp_path, dirs_exist_ok=True)
        (tmp_path / name).write_text("{")
        with pytest.raises(InputError, match="no tokenizer can be read"):
            load_tokenizer(tmp_path)

    def test_a_damaged_tokenizer_file_is_refused(self, encoders, tmp_path):
        shutil.copytree(encoders["bert"].folder, tmp_path, dirs_exist_ok=True)
        (tmp_path / "tokenizer.json").write_text('{"model": {"type": "Magic"}}')
        with pytest.raises(InputError, match="no tokenizer can be read"):
            load_tokenizer(tmp_path)

    def test_an_empty_folder_is_refused(self, tmp_path):
        with pytest.raises(InputError, match="no tokenizer can be read"):
            load_tokenizer(tmp_path)

    def test_code_beside_a_tokenizer_does_not_run(self, encoders, tmp_path):
        shutil.copytree(encoders["clip"].folder, tmp_path, dirs_exist_ok=True)
        canary = tmp_path / "canary"
        (tmp_path / "trap.py").write_text(f"open({str(canary)!r}, 'w')\nclass Trap: pass\n")
        path = tmp_path / "tokenizer_config.json"
        config = json.loads(path.read_text()) | {"tokenizer_class": "Trap"}
        path.write_text(json.dumps(config | {"auto_map": {"AutoTokenizer": ["trap.Trap", None]}}))
        with pytest.raises(InputError, match="no tokenizer can be read"):
            load_tokenizer(tmp_path)
        assert not canary.exists()
