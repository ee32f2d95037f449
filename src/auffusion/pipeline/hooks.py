"""Step hooks of a call: progress, and the callback that diffusers' users write."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from auffusion.denoise import ClassifierFreeGuidance, StepHook
from auffusion.errors import InputError
from auffusion.shapes import Latent

CALLBACK_TENSORS = ("latents", "prompt_embeds")
"""What a callback may ask to see; what it returns of these is used from there on."""

StepCallback = Callable[[Any, int, Any, dict[str, Any]], dict[str, Any] | None]
"""``callback(pipeline, step, timestep, tensors)``, as in diffusers."""


def hooked(*hooks: StepHook | None) -> StepHook:
    """One hook that calls those given in turn; None stands for no hook."""

    def call(index: int, timestep: Tensor, latent: Latent) -> Latent:
        for hook in hooks:
            if hook is not None:
                latent = hook(index, timestep, latent)
        return latent

    return call


def progress_hook(advance: Callable[[], object]) -> StepHook:
    """A hook that reports each step and leaves the latent as it is."""

    def call(index: int, timestep: Tensor, latent: Latent) -> Latent:  # noqa: ARG001
        advance()
        return latent

    return call


def callback_hook(
    callback: StepCallback,
    pipeline: Any,  # noqa: ANN401 - handed on
    guidance: ClassifierFreeGuidance,
    names: Sequence[str],
) -> StepHook:
    """A diffusers callback as a hook.

    Args:
        callback: called after each step; the tensors that it returns replace those it was shown.
        pipeline: what the callback gets first.
        guidance: holds the embeddings that ``prompt_embeds`` means: those the U-Net sees, the
            unconditional half first when guidance is on.
        names: which of `CALLBACK_TENSORS` it gets.

    Raises:
        InputError: a name that is not one of them.
    """
    for name in names:
        if name not in CALLBACK_TENSORS:
            raise InputError(
                f"a callback cannot see {name!r}: choose among {', '.join(CALLBACK_TENSORS)}"
            )

    def call(index: int, timestep: Tensor, latent: Latent) -> Latent:
        offered = {"latents": latent, "prompt_embeds": guidance.embeddings}
        shown = {name: offered[name] for name in names}
        returned = callback(pipeline, index, timestep, shown) or {}
        guidance.embeddings = returned.get("prompt_embeds", guidance.embeddings)
        return returned.get("latents", latent)

    return call
