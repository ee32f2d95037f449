"""Word swap: other words over the attention of the source's (arXiv 2208.01626, §3.2; App. E.4)."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from auffusion.edit.source_edit import SELF_QUERIES, SourceEdit
from auffusion.edit.step_window import StepWindow, WordWindows
from auffusion.text import TextEncoder


class WordSwap(SourceEdit):
    """A0 M: what the source's words attend to, the words in their place do.

    Items are [source, edit 1, edit 2, …]. Prompts have as many words, or runs of words that take
    each other's place; their tokens may differ in number (`auffusion.text.align_prompts`).

    Args:
        text: the model's text stage.
        prompts: the source's and those of the edits.
        cross_replace_steps: steps or share of the walk in which cross-attention is replaced: an
            end, (first, end), or a dict with one for each word and "default_" for the others.
        self_replace_steps: the same of coarse self-attention, for all words.
        self_queries: most places of a layer whose self-attention is replaced.
        legacy: words behind one of another token count read their neighbours', as published.

    Raises:
        InputError: prompts that cannot be swapped, or a window without sense.
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
            kind="swap",
            cross_replace_steps=cross_replace_steps,
            self_replace_steps=self_replace_steps,
            self_queries=self_queries,
            legacy=legacy,
        )

    def edited(
        self,
        source: Float[Tensor, "1 head query token"],
        own: Float[Tensor, "edit head query token"],  # noqa: ARG002
    ) -> Float[Tensor, "edit head query token"]:
        """The source's, moved to the rows of each edit."""
        return source @ self.moved[:, None]
