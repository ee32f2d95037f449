"""Text encoders of every published kind at toy size, with tokenizers of 26 letters."""

import string
from collections.abc import Callable, Mapping
from typing import Any, Literal

from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    ClapTextConfig,
    CLIPTextConfig,
    CLIPTokenizer,
    RobertaTokenizer,
    T5Config,
    T5Tokenizer,
)
from transformers.models.clap.modeling_clap import ClapTextModelWithProjection
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.t5.modeling_t5 import T5EncoderModel

EncoderKind = Literal["clip", "clap", "t5"]

WIDTH = 16
"""Features of every tiny encoder."""

_LETTERS = tuple(string.ascii_lowercase)
_SIZES: Any = {
    "hidden_size": WIDTH,
    "intermediate_size": 2 * WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


def tiny_encoder(kind: EncoderKind) -> tuple[Any, Any]:
    """A tokenizer and an encoder; the weights are drawn from torch's present random state."""
    tokenizer, encoder = _BUILDERS[kind]()
    return tokenizer, encoder.eval()


def _clip() -> tuple[Any, Any]:
    # Each letter within a word and at its end, and the two marks: 54 tokens.
    tokens = [*_LETTERS, *(f"{letter}</w>" for letter in _LETTERS), "<|startoftext|>"]
    vocabulary = _numbered([*tokens, "<|endoftext|>"])
    first, last = len(vocabulary) - 2, len(vocabulary) - 1
    config = CLIPTextConfig(
        vocab_size=len(vocabulary),
        max_position_embeddings=77,
        bos_token_id=first,
        eos_token_id=last,
        pad_token_id=last,
        **_SIZES,
    )
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)
    return tokenizer, CLIPTextModel(config)


def _clap() -> tuple[Any, Any]:
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *sorted(ByteLevel.alphabet()), "<mask>"]
    tokenizer = RobertaTokenizer(vocab=_numbered(tokens), merges=[], model_max_length=77)
    config = ClapTextConfig(
        vocab_size=len(tokens), max_position_embeddings=514, projection_dim=8, **_SIZES
    )
    return tokenizer, ClapTextModelWithProjection(config)


def _t5() -> tuple[Any, Any]:
    # Pieces with their log-probabilities; "▁" begins a word.
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(start + letter, -4.0) for start in ("▁", "") for letter in _LETTERS]
    tokenizer = T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=77)
    config = T5Config(
        vocab_size=len(pieces), d_model=WIDTH, d_kv=8, d_ff=2 * WIDTH, num_layers=2, num_heads=2
    )
    return tokenizer, T5EncoderModel(config)


def _numbered(tokens: list[str]) -> dict[str, int]:
    return {token: index for index, token in enumerate(tokens)}


_BUILDERS: Mapping[str, Callable[[], tuple[Any, Any]]] = {"clip": _clip, "clap": _clap, "t5": _t5}
