"""FLAN-T5 as a text encoder whose weights are inside another model's file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Bool
from torch import Tensor
from transformers import T5Config, T5EncoderModel, T5Tokenizer

from auffusion.baselines.contract import Source
from auffusion.baselines.parts import Part, fill, load_small, size_of
from auffusion.shapes import TextEmbedding

TokenMask = Bool[Tensor, "batch token"]


class FlanT5:
    """A tokenizer and an encoder.

    Args:
        state: the encoder's weights by its own names; a tensor that is shared may stand once.
        path: the file they came from.
        folder: holds its `config.json` and its tokenizer.
        source: says device and precision.

    Raises:
        InputError: the weights are not those of this encoder, or the folder is incomplete.
    """

    def __init__(
        self, state: Mapping[str, Tensor], path: Path, folder: Path, source: Source
    ) -> None:
        size_of(state, "shared.weight", path)
        with torch.device("meta"):
            network = T5EncoderModel(load_small(T5Config, folder))
        shared = {"encoder.embed_tokens.weight": state["shared.weight"]}
        self._encoder: Part = fill(network, shared | dict(state), path, source)
        self.tokenizer: Part = load_small(T5Tokenizer, folder)
        self.features = int(self._encoder.config.d_model)

    def __call__(self, prompts: Sequence[str]) -> tuple[TextEmbedding, TokenMask]:
        """Rows for each prompt, and which of them are not padding.

        All are as long as the last prompt: what comes before it, such as the empty prompt of
        guidance, is padded to its length and cut there.
        """
        longest = self.tokenizer.model_max_length
        last = self.tokenizer(prompts[-1], truncation=True, max_length=longest)
        tokens = self.tokenizer(
            list(prompts),
            padding="max_length",
            truncation=True,
            max_length=len(last.input_ids),
            return_tensors="pt",
        ).to(self._encoder.device)
        encoded = self._encoder(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask)
        return encoded.last_hidden_state, tokens.attention_mask == 1
