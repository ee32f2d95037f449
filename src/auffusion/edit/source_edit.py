"""Attention of edited prompts made from a source prompt's (prompt-to-prompt, arXiv 2208.01626)."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from auffusion.attention import AttentionSite, Probabilities
from auffusion.edit.step_window import StepWindow, Window, WordSteps, WordWindows
from auffusion.errors import InputError
from auffusion.shapes import Latent
from auffusion.text import AlignmentKind, TextEncoder, align_prompts

SELF_QUERIES = 256
"""Self-attention is replaced in layers of at most so many places, as in the published code."""


class SourceEdit(ABC):
    """A controller of items [source, edit 1, edit 2, …]: edits attend as the source does.

    - Cross-attention: within the window `edited`, made of the source's and their own, and their own
      outside it.
    - Self-attention: the source's in the coarse layers, in the steps from int(first · N) on up to
      int(end · N) of N.

    The source itself is never touched.

    Args:
        text: the model's text stage.
        prompts: the source's and those of the edits.
        kind: how prompts are aligned.
        cross_replace_steps: the window of cross-attention, for all words or word by word.
        self_replace_steps: the window of self-attention.
        self_queries: most places of a layer whose self-attention is replaced.
        legacy: alignment as in the published code (`align_prompts`).

    Raises:
        InputError: no edit, prompts that cannot be aligned, or a window without sense.
    """

    def __init__(
        self,
        text: TextEncoder,
        prompts: Sequence[str],
        *,
        kind: AlignmentKind,
        cross_replace_steps: WordWindows,
        self_replace_steps: StepWindow,
        self_queries: int,
        legacy: bool,
    ) -> None:
        if len(prompts) < 2:
            raise InputError("an edit needs a source prompt and at least one other")
        source, *targets = prompts
        aligned = [align_prompts(text, source, target, kind, legacy=legacy) for target in targets]
        self.moved: Float[Tensor, "edit source target"] = torch.stack([a.moved for a in aligned])
        """M of each edit."""
        self.shared: Float[Tensor, "edit target"] = torch.stack([a.shared for a in aligned])
        """Which rows of each edit take the source's attention."""
        self._cross = WordSteps(text, targets, cross_replace_steps)
        self._self = Window.of(self_replace_steps)
        self._self_queries = self_queries
        self._step = 0
        self._cross_now: Bool[Tensor, "step edit token"] | None = None
        self._self_now = range(0)

    @abstractmethod
    def edited(
        self,
        source: Float[Tensor, "1 head query token"],
        own: Float[Tensor, "edit head query token"],
    ) -> Float[Tensor, "edit head query token"]:
        """Cross-attention of the edits, made of the source's and their own."""

    def begin(self, steps: int) -> None:
        """A walk of so many steps starts."""
        self._step = 0
        self._cross_now = self._cross.table(steps)
        self._self_now = self._self.steps(steps, steps + 1)

    def wants(self, site: AttentionSite) -> bool:
        """Cross-attention in its window, coarse self-attention in its own."""
        if site.cross:
            return bool(self._edited_now().any())
        return site.queries <= self._self_queries and self._step in self._self_now

    def attend(self, site: AttentionSite, probabilities: Probabilities) -> Probabilities:
        """The source's map as it is, the edits' made of it."""
        source, own = probabilities[:1], probabilities[1:]
        if not site.cross:
            return source.expand_as(probabilities)
        self.moved, self.shared = self.moved.to(own.device), self.shared.to(own.device)
        now = self._edited_now()[:, None, None].to(own.device)
        return torch.cat([source, torch.where(now, self.edited(source, own), own)])

    def on_step(self, index: int, timestep: Tensor, latent: Latent) -> Latent:  # noqa: ARG002
        """Go on with the next step."""
        self._step = index + 1
        return latent

    def _edited_now(self) -> Bool[Tensor, "edit token"]:
        if self._cross_now is None:
            raise InputError("the controller was not told how many steps there are: call begin")
        return self._cross_now[self._step]
