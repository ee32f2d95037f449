"""New words that are learnt together with a LoRA (textual inversion, arXiv 2208.01618).

The text encoders stay frozen; of their embeddings only the new words' rows are trained. They are
parameters of their own, put in the place of what the frozen table gives, so that a checkpoint holds
them and nothing else of the encoder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from safetensors.torch import save  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor, nn

from auffusion.data.prepared import PreparedData
from auffusion.errors import InputError
from auffusion.files import write_file
from auffusion.pipeline import AuffusionPipeline
from auffusion.pipeline.new_words import WORDS_FILES, add_word_tokens, make_room, text_parts
from auffusion.shapes import TextEmbedding
from auffusion.text import TextBranch
from auffusion.text.encoder import tokenise
from auffusion.train.denoising import ConditionedUnet, EncoderRows
from auffusion.train.examples import Chosen, Rows


@dataclass(frozen=True, kw_only=True)
class WordSettings:
    """The `[words]` table."""

    new: tuple[str, ...] = ()
    """Words that the captions use for what the model does not know, such as `<my-dog>`; each
    becomes one token whose embedding is learnt."""
    like: tuple[str, ...] = ()
    """For each one, what it is to mean at first, such as `dog`."""

    def __post_init__(self) -> None:
        if len(self.new) != len(self.like):
            raise InputError(
                f"words.new has {len(self.new)} words and words.like {len(self.like)}: give each "
                "new word what it is to mean at first"
            )


class NewWords(nn.Module):
    """The embeddings of new words in one text encoder, which it uses from now on.

    Args:
        tokenizer: gets the words as tokens.
        encoder: its embeddings get rows for them, and give the ones that are learnt.
        settings: the words.

    Raises:
        InputError: a word that is known, or one to begin with that is none.
    """

    def __init__(self, tokenizer: Any, encoder: Any, settings: WordSettings) -> None:  # noqa: ANN401
        super().__init__()
        table: Tensor = encoder.get_input_embeddings().weight.detach()
        start = [_meaning(tokenizer, table, word) for word in settings.like]
        numbers = add_word_tokens(tokenizer, settings.new)
        make_room(encoder, tokenizer)
        encoder.requires_grad_(False)
        self.words, self.numbers = settings.new, numbers
        self.rows = nn.Parameter(torch.stack(start).float().clone())
        encoder.get_input_embeddings().register_forward_hook(self._replace)

    def _replace(self, _table: nn.Module, inputs: tuple[Tensor, ...], found: Tensor) -> Tensor:
        for number, row in zip(self.numbers, self.rows, strict=True):
            found = torch.where((inputs[0] == number)[..., None], row.to(found), found)
        return found

    def save(self, path: Path) -> None:
        """Write the rows as textual inversions are written."""
        rows = self.rows.detach().cpu()
        state = {word: row.clone() for word, row in zip(self.words, rows, strict=True)}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, save(state))


def _meaning(tokenizer: Any, table: Tensor, word: str) -> Tensor:  # noqa: ANN401
    """The mean of a text's token embeddings."""
    numbers: list[int] = tokenizer(word, add_special_tokens=False)["input_ids"]
    if not numbers:
        raise InputError(f"words.like has {word!r}, in which the tokenizer finds nothing")
    return table[numbers].mean(dim=0)


class TokenTexts:
    """Captions as the numbers of their tokens: the encoder reads them anew at each step.

    The rows of a caption are [token, 2]: number, and 1 where there is one.
    """

    def __init__(self, data: PreparedData, pipeline: AuffusionPipeline) -> None:
        text = pipeline.text
        self._branches, self._padded = text.branches, text.convention == "stable-diffusion"
        self._data = data

    def captions(self, clip: int) -> int:
        """How many a clip has."""
        return len(self._data.clip(clip).captions)

    def rows(self, chosen: Chosen) -> Sequence[Rows]:
        """The tokens of each, for each encoder."""
        return [self._tokens(self._data.clip(clip).captions[which]) for clip, which in chosen]

    def silent(self) -> Rows:
        """The tokens of no text."""
        return self._tokens("")

    def _tokens(self, text: str) -> Rows:
        return [self._of(branch, text) for branch in self._branches]

    def _of(self, branch: TextBranch, text: str) -> NDArray[np.float32]:
        found: Mapping[str, Any] = tokenise(branch, text, padded=self._padded)[0]
        rows = np.zeros((branch.max_length, 2), np.float32)
        numbers = found["input_ids"][: branch.max_length]
        rows[: len(numbers), 0] = numbers
        rows[: len(numbers), 1] = 1 if self._padded else found["attention_mask"][: len(numbers)]
        return rows


class WordedUnet(ConditionedUnet):
    """A U-Net behind text encoders that learn words; its rows are those of `TokenTexts`.

    Args:
        unet: a `UNet2DConditionModel`.
        adapters: one an encoder, or none.
        pipeline: whose text encoders are used.
        settings: the words.
    """

    def __init__(
        self,
        unet: Any,  # noqa: ANN401
        adapters: Sequence[nn.Module],
        pipeline: AuffusionPipeline,
        settings: WordSettings,
    ) -> None:
        super().__init__(unet, adapters)
        parts = text_parts(pipeline)
        self.words = nn.ModuleList(NewWords(*part, settings) for part in parts)
        # Not registered: what is frozen is no part of a checkpoint.
        self._branches = [replace(branch, adapter=None) for branch in pipeline.text.branches]

    def adapted(
        self, rows: Sequence[EncoderRows], kept: Float[Tensor, "encoder batch"], silent: Tensor
    ) -> TextEmbedding:
        """The rows that the U-Net sees, with a way back to the words."""
        encoded = [_encoded(b, one) for b, one in zip(self._branches, rows, strict=True)]
        blank = silent if self.adapters else _encoded(self._branches[0], silent[None])[0]
        return super().adapted(encoded, kept, blank)

    def save_words(self, folder: Path) -> None:
        """Write each encoder's words."""
        for name, words in zip(WORDS_FILES, self.words, strict=False):
            if isinstance(words, NewWords):
                words.save(folder / name)


def _encoded(branch: TextBranch, tokens: EncoderRows) -> EncoderRows:
    numbers, mask = tokens[..., 0].long(), tokens[..., 1]
    inputs = {"input_ids": numbers}
    # As `TextEncoder` does: CLIP is causal and was used without a mask.
    if not branch.encoder.config.model_type.startswith("clip"):
        inputs["attention_mask"] = mask.long()
    return branch.encoder(**inputs).last_hidden_state * mask[..., None]
