"""What one call asks the U-Net for: the prompts' embeddings and those to move away from."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from auffusion.errors import InputError
from auffusion.shapes import TextEmbedding
from auffusion.text import TextEncoder, WeightedPrompt, weighted_prompt


@dataclass(frozen=True)
class Conditioning:
    """Embeddings, an item a sound."""

    conditional: TextEmbedding
    """Of the prompts."""
    unconditional: TextEmbedding | None
    """Of the negative prompts or of no text; None without guidance."""
    truncated: tuple[str, ...]
    """What each prompt lost because it was too long."""
    factors: Float[Tensor, "batch token"] | None = None
    """What the attention to each row is multiplied by; None where no prompt has weights."""

    def to(self, device: torch.device, dtype: torch.dtype) -> "Conditioning":
        """The same embeddings on `device` in `dtype`."""
        without = self.unconditional
        return Conditioning(
            self.conditional.to(device, dtype),
            None if without is None else without.to(device, dtype),
            self.truncated,
            self.factors,
        )

    def repeated(self, times: int) -> "Conditioning":
        """Each item so many times in a row."""
        without = self.unconditional
        return Conditioning(
            self.conditional.repeat_interleave(times, dim=0),
            None if without is None else without.repeat_interleave(times, dim=0),
            tuple(cut for cut in self.truncated for _ in range(times)),
            None if self.factors is None else self.factors.repeat_interleave(times, dim=0),
        )


@dataclass(frozen=True, kw_only=True)
class Wording:
    """What the caller said: prompts or their embeddings."""

    prompt: str | Sequence[str] | None = None
    """Texts, which may hold weights (`weighted_prompt`); exactly one of `prompt` and
    `prompt_embeds` is given."""
    negative_prompt: str | Sequence[str] | None = None
    """Texts to move away from: one for all, or one a prompt; None is no text."""
    prompt_embeds: TextEmbedding | None = None
    """Embeddings as the U-Net takes them, after an adapter."""
    negative_prompt_embeds: TextEmbedding | None = None
    """Embeddings in place of `negative_prompt`, of the same shape."""

    def __post_init__(self) -> None:
        if (self.prompt is None) == (self.prompt_embeds is None):
            raise InputError("give exactly one of prompt and prompt_embeds")
        if self.negative_prompt is not None and self.negative_prompt_embeds is not None:
            raise InputError("give at most one of negative_prompt and negative_prompt_embeds")
        if self.prompt is not None and not self.prompts:
            raise InputError("there is no prompt in the list: give at least one")

    @property
    def prompts(self) -> tuple[str, ...]:
        """The prompts as a sequence; empty when embeddings are given."""
        return _texts("prompt", self.prompt)

    @property
    def count(self) -> int:
        """Number of prompts."""
        return len(self.prompts) if self.prompt_embeds is None else len(self.prompt_embeds)

    @property
    def negatives(self) -> tuple[str, ...]:
        """A negative prompt for each prompt.

        Raises:
            InputError: another number of negative prompts than of prompts.
        """
        texts = _texts("negative_prompt", self.negative_prompt)
        if isinstance(self.negative_prompt, str):
            return texts * self.count
        if len(texts) != self.count:
            raise InputError(
                f"{len(texts)} negative prompts were given for {self.count} prompts: give one for "
                "all as a string, or one for each"
            )
        return texts


def encode_wording(wording: Wording, text: TextEncoder, *, guided: bool) -> Conditioning:
    """The embeddings of what the caller said.

    Args:
        wording: the prompts.
        text: the model's text stage.
        guided: whether the unconditional half is needed.

    Raises:
        InputError: embeddings of shapes that do not match, or weights that cannot be read.
    """
    prompts = [weighted_prompt(prompt) for prompt in wording.prompts]
    if wording.prompt_embeds is None:
        encoded = text.encode([prompt.text for prompt in prompts])
        embeds, truncated = encoded.embeds, encoded.truncated
    else:
        embeds, truncated = wording.prompt_embeds, ("",) * wording.count
    without = _unconditional(wording, text) if guided else None
    if without is not None and without.shape != embeds.shape:
        raise InputError(
            f"negative embeddings of shape {list(without.shape)} do not match those of the "
            f"prompts, {list(embeds.shape)}"
        )
    return Conditioning(embeds, without, truncated, _factors(prompts, text))


def _factors(
    prompts: Sequence[WeightedPrompt], text: TextEncoder
) -> Float[Tensor, "batch token"] | None:
    if not any(prompt.weights for prompt in prompts):
        return None
    return torch.stack([prompt.factors(text) for prompt in prompts])


def _unconditional(wording: Wording, text: TextEncoder) -> TextEmbedding:
    if wording.negative_prompt_embeds is not None:
        return wording.negative_prompt_embeds
    if wording.negative_prompt is not None:
        return text.encode([_unweighted(negative) for negative in wording.negatives]).embeds
    return text.unconditional(wording.count)


def _unweighted(negative: str) -> str:
    prompt = weighted_prompt(negative)
    if prompt.weights:
        raise InputError(
            f"the negative prompt {negative!r} has a weight, which only prompts can have: write "
            r"\( and \) for parentheses that mean themselves"
        )
    return prompt.text


def _texts(name: str, given: str | Sequence[str] | None) -> tuple[str, ...]:
    texts = (given,) if isinstance(given, str) else tuple(given or ())
    for text in texts:
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"{name} must be text, not {type(text).__name__}: {text!r}")
    return texts
