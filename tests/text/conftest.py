"""Real encoders and tokenizers at toy size, written as model folders: no network, no mocks."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    BertConfig,
    BertTokenizer,
    ClapTextConfig,
    CLIPTextConfig,
    RobertaTokenizer,
    T5Config,
    T5Tokenizer,
)
from transformers.models.bert.modeling_bert import BertModel
from transformers.models.clap.modeling_clap import ClapTextModelWithProjection
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.t5.modeling_t5 import T5EncoderModel

from auffusion.text import load_text_encoder, load_tokenizer

KINDS = ("clip", "clap", "t5", "bert")
BYTES = sorted(ByteLevel.alphabet())


@dataclass(frozen=True)
class Encoder:
    """A folder and what is in it."""

    folder: Path
    tokenizer: object
    model: object


def write_clip_tokenizer(folder):
    """The four files of a published `tokenizer/` folder: byte-level BPE that knows "dog"."""
    merges = ["d o", "do g</w>", "b a", "r k", "ba rk", "i n", "in g</w>"]
    words = [a.replace(" ", "") for a in merges]
    tokens = [*BYTES, *(f"{b}</w>" for b in BYTES), *words, "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    special = {"bos_token": "<|startoftext|>", "unk_token": "<|endoftext|>"}
    special |= {"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, **special})
    )
    return len(tokens)


def write_clip(folder):
    size = write_clip_tokenizer(folder)
    config = CLIPTextConfig(
        vocab_size=size,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        bos_token_id=size - 2,
        eos_token_id=size - 1,
        pad_token_id=size - 1,
    )
    CLIPTextModel(config).save_pretrained(folder)


def write_clap(folder):
    # As in the real one, a space belongs to the word behind it.
    merges = [("Ġ", letter) for letter in "abcdefghijklmnopqrstuvwxyz"]
    words = ["".join(pair) for pair in merges]
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *BYTES, *words, "<mask>"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    RobertaTokenizer(vocab=vocabulary, merges=merges).save_pretrained(folder)
    config = ClapTextConfig(
        vocab_size=len(tokens),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=514,
        projection_dim=8,
    )
    ClapTextModelWithProjection(config).save_pretrained(folder)


def write_t5(folder):
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), ("▁dog", -3.0)]
    pieces += [(prefix + letter, -4.0) for prefix in ("▁", "") for letter in letters]
    T5Tokenizer(vocab=pieces, extra_ids=0).save_pretrained(folder)
    config = T5Config(
        vocab_size=len(pieces), d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2
    )
    T5EncoderModel(config).save_pretrained(folder)


def write_bert(folder):
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "dog", "bark", "##ing", *letters]
    tokens += [f"##{letter}" for letter in letters]
    BertTokenizer(vocab={t: i for i, t in enumerate(tokens)}).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
    )
    BertModel(config).save_pretrained(folder)


WRITERS = {"clip": write_clip, "clap": write_clap, "t5": write_t5, "bert": write_bert}


@pytest.fixture(scope="session")
def encoders(tmp_path_factory):
    """All kinds, by name."""
    found = {}
    for seed, (kind, write) in enumerate(WRITERS.items()):
        folder = tmp_path_factory.mktemp(kind)
        torch.manual_seed(seed)
        write(folder)
        found[kind] = Encoder(folder, load_tokenizer(folder), load_text_encoder(folder))
    return found


@pytest.fixture(params=KINDS)
def encoder(request, encoders):
    """Each kind in turn."""
    return encoders[request.param]
