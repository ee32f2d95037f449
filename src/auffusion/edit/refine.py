"""Refinement: words added to a prompt, the others as they were (arXiv 2208.01626, §3.2)."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from auffusion.edit.source_edit import SELF_QUERIES, SourceEdit
from auffusion.edit.step_window import StepWindow, WordWindows
from auffusion.text import TextEncoder


class Refine(SourceEdit):
    """A (1 - s) + (A0 M) s: tokens of both prompts keep their maps, new ones have their own.

    Items are [source, edit 1, edit 2, …]; s is 1 for tokens that the source has too.

    Args:
        text: the model's text stage.
        prompts: the source's and those of the edits.
        cross_replace_steps: steps or share of the walk in which cross-attention is replaced: an
            end, (first, end), or a dict with one for each word and "default_" for the others.
        self_replace_steps: the same of coarse self-attention, for all words.
        self_queries: most places of a layer whose self-attention is replaced.
        legacy: rows for nothing read those of the same number, as published.

    Raises:
        InputError: a window without sense.
    """

    def __init__(
        self,
        text: TextEncoder,
        prompts: Sequence[str],
        *,
        cross_replace_steps: WordWindows = 0.8,
        self_replace_steps: StepWindow = 0.4,
        self_queries: int = SELF_QUERIES,
        legacy: bool = False,
    ) -> None:
        super().__init__(
            text,
            prompts,
            kind="refine",
            cross_replace_steps=cross_replace_steps,
            self_replace_steps=self_replace_steps,
            self_queries=self_queries,
            legacy=legacy,
        )

    def edited(
        self,
        source: Float[Tensor, "1 head query token"],
        own: Float[Tensor, "edit head query token"],
    ) -> Float[Tensor, "edit head query token"]:
        """The source's where the edit shares the token, else its own."""
        shared = self.shared[:, None, None]
        return (source @ self.moved[:, None]) * shared + own * (1 - shared)
