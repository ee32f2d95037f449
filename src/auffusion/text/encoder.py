"""Prompts to the rows that the U-Net attends to, by either published convention."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from auffusion.errors import InputError
from auffusion.shapes import TextEmbedding

Convention = Literal["adapter", "stable-diffusion"]

# No released encoder was trained on longer texts, and attention over a megabyte would not end.
_LONGEST = 512
# Some 30 characters to each of these tokens; a megabyte costs no more to cut than a page.
_LONGEST_TEXT = 16_384
# A warning quotes what was cut, but not a megabyte of it.
_QUOTED = 120


class PromptCutWarning(UserWarning):
    """A prompt is longer than the encoder can take."""


@dataclass(frozen=True)
class EncodedPrompts:
    """What `TextEncoder.encode` gives."""

    embeds: TextEmbedding
    """Rows for the U-Net, an item a prompt."""
    truncated: tuple[str, ...]
    """For each prompt the text that was cut off, "" where nothing was."""


@dataclass(frozen=True)
class TextBranch:
    """One text encoder with what stands before and behind it."""

    tokenizer: Any
    """A fast transformers tokenizer."""
    encoder: Any
    """A transformers model whose output has `last_hidden_state`."""
    adapter: Callable[[Tensor], Tensor] | None = None
    """A `ConditionAdapter`, or None when the encoder's rows go to the U-Net as they are."""
    max_length: int = 77
    """Rows for each prompt."""
    device: torch.device | None = None
    """Where the encoder computes, which an offloaded one does not say itself; None: where it is."""


class TextEncoder:
    """One or more text branches, whose rows are joined on the token axis.

    The two conventions of the published checkpoints differ where there is no text:

    - "adapter": rows behind the last token are zeros before the adapter, hence constant after
      it; no text at all is an all-zero embedding.
    - "stable-diffusion": the prompt is padded with the tokenizer's padding token up to
      `max_length`; no text is the embedding of "".

    Prompts are encoded one at a time, so that no prompt changes another's rows.

    Args:
        branches: at least one.
        convention: the one that the U-Net was trained with.
    """

    def __init__(self, branches: Sequence[TextBranch], convention: Convention) -> None:
        self.branches = tuple(branches)
        self.convention: Convention = convention

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> EncodedPrompts:
        """Embeddings of prompts, and what of them did not fit.

        Warns with `PromptCutWarning`, quoting the text cut off.

        Raises:
            InputError: a prompt that is not text.
        """
        encoded = [self._encode_one(_checked(prompt)) for prompt in prompts]
        for _, cut in encoded:
            if cut:
                _warn_cut(cut)
        return EncodedPrompts(
            torch.cat([embeds for embeds, _ in encoded]), tuple(cut for _, cut in encoded)
        )

    @torch.no_grad()
    def unconditional(self, count: int) -> TextEmbedding:
        """The embedding of no text, `count` times."""
        if self.convention == "stable-diffusion":
            return self.encode([""]).embeds.repeat(count, 1, 1)
        blank = torch.cat([_blank_rows(branch) for branch in self.branches], dim=1)
        return torch.zeros_like(blank).repeat(count, 1, 1)

    def _encode_one(self, prompt: str) -> tuple[TextEmbedding, str]:
        padded = self.convention == "stable-diffusion"
        parts = [_branch_rows(branch, prompt, padded=padded) for branch in self.branches]
        # Encoders cut at different places; told is all that any of them lost.
        return torch.cat([rows for rows, _ in parts], dim=1), max((c for _, c in parts), key=len)


def _checked(prompt: str) -> str:
    try:
        prompt.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"the prompt {prompt[:_QUOTED]!r} is not valid text (a lone surrogate): "
            "pass it as UTF-8"
        ) from error
    return prompt


def _warn_cut(cut: str) -> None:
    quoted = cut if len(cut) <= _QUOTED else cut[:_QUOTED] + "…"
    warnings.warn(
        f"the prompt is longer than the text encoder takes; this end of it was cut off: {quoted!r}",
        PromptCutWarning,
        stacklevel=3,
    )


def _reach(branch: TextBranch, *, padded: bool) -> int:
    """Tokens that the encoder reads; rows beyond `max_length` are dropped after it."""
    if padded:
        return branch.max_length
    # T5 has relative positions and no limit; RoBERTa counts its positions from the padding index
    # plus one, so that CLAP reads two tokens fewer than it has positions.
    config = branch.encoder.config
    positions = getattr(config, "max_position_embeddings", None) or _LONGEST
    if config.model_type == "clap_text_model":
        positions -= config.pad_token_id + 1
    return min(positions, _LONGEST)


def _branch_rows(branch: TextBranch, prompt: str, *, padded: bool) -> tuple[TextEmbedding, str]:
    tokens, cut = tokenise(branch, prompt, padded=padded)
    encoder, device = branch.encoder, branch.device or branch.encoder.device
    inputs = {"input_ids": torch.tensor([tokens["input_ids"]], device=device)}
    # CLIP was used without a mask and is causal: what is said never sees the padding behind it.
    if not encoder.config.model_type.startswith("clip"):
        inputs["attention_mask"] = torch.tensor([tokens["attention_mask"]], device=device)
    rows = encoder(**inputs).last_hidden_state[:, : branch.max_length]
    return _adapted(branch, rows), cut


def _adapted(branch: TextBranch, rows: Float[Tensor, "batch used condition"]) -> TextEmbedding:
    rows = F.pad(rows, (0, 0, 0, branch.max_length - rows.shape[1]))
    return rows if branch.adapter is None else branch.adapter(rows)


def _blank_rows(branch: TextBranch) -> TextEmbedding:
    encoder, device = branch.encoder, branch.device or branch.encoder.device
    none = torch.zeros(1, 0, encoder.config.hidden_size, dtype=encoder.dtype, device=device)
    return _adapted(branch, none)


def tokenise(branch: TextBranch, prompt: str, *, padded: bool) -> tuple[Mapping[str, Any], str]:
    """The tokens to encode, and the end of the prompt that has no row."""
    reach = _reach(branch, padded=padded)
    text = prompt[:_LONGEST_TEXT]
    options: dict[str, Any] = {
        "return_special_tokens_mask": True,
        "return_offsets_mapping": True,
        "verbose": False,
    }
    tokens = branch.tokenizer(
        text,
        truncation=True,
        max_length=reach,
        padding="max_length" if padded else False,
        return_attention_mask=True,
        **options,
    )
    kept = tokens["special_tokens_mask"][: branch.max_length].count(0)
    full = branch.tokenizer(text, **options)
    spans = [
        span
        for span, special in zip(full["offset_mapping"], full["special_tokens_mask"], strict=True)
        if not special
    ]
    end = spans[kept][0] if kept < len(spans) else len(text)
    return tokens, prompt[end:]
