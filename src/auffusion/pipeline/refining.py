"""Refinement: the same scene, said with more words (prompt-to-prompt, arXiv 2208.01626)."""

from collections.abc import Sequence
from difflib import SequenceMatcher

import torch

from auffusion.denoise import StepHook
from auffusion.edit.refine import Refine
from auffusion.edit.source_edit import SELF_QUERIES
from auffusion.edit.step_window import StepWindow, WordWindows
from auffusion.pipeline.assembly import AssembledModel
from auffusion.pipeline.inversion import Inversion
from auffusion.pipeline.output import AuffusionOutput
from auffusion.pipeline.rendering import OutputType
from auffusion.pipeline.word_editing import BlendWords, WordCall, blending, edit_words
from auffusion.shapes import Latent


@torch.no_grad()
def refine(
    model: AssembledModel,
    prompt: str,
    target: str | Sequence[str],
    *,
    cross_replace_steps: WordWindows = 0.8,
    self_replace_steps: StepWindow = 0.4,
    self_queries: int = SELF_QUERIES,
    local_blend: bool | BlendWords = False,
    blend_threshold: float = 0.3,
    blend_height: int | None = None,
    legacy: bool = False,
    negative_prompt: str | None = None,
    audio_length_in_s: float | None = None,
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    guidance_rescale: float = 0.0,
    eta: float = 0.0,
    seed: int = 0,
    shared_noise: bool = True,
    latents: Latent | None = None,
    inversion: Inversion | None = None,
    output_type: OutputType = "np",
    on_step: StepHook | None = None,
) -> AuffusionOutput:
    """A sound and the same with words added (arXiv 2208.01626, §3.2 "adding a new phrase").

    ``pipe.refine("a dog barking", "a dog barking in a huge cathedral")`` makes two sounds. Tokens
    that both prompts have, in the same order, attend where the source's do; new ones find their
    own places. Words may be left out as well.

    The arguments that `AuffusionPipeline.swap` has too mean the same here.

    Args:
        model: the pipeline.
        prompt: of the source.
        target: of the edit, or several for an edit each.
        cross_replace_steps: how long the attention to words is the source's.
        self_replace_steps: how long the coarse self-attention is the source's.
        self_queries: most places of a layer whose self-attention is replaced.
        local_blend: True keeps the source where no added or lost word is attended to; or the words
            to look at, an entry an item.
        blend_threshold: share of the largest attention from which a place belongs to the words.
        blend_height: rows of the grid on which that is judged.
        legacy: rows for nothing read those of the same number, as in the published code.
        negative_prompt: what none of the sounds is to be.
        audio_length_in_s: seconds.
        num_inference_steps: steps.
        guidance_scale: diffusers' s.
        guidance_rescale: φ of arXiv 2305.08891.
        eta: η of DDIM.
        seed: decides the noise.
        shared_noise: whether all sounds have the same noise.
        latents: noise of deviation one to start from.
        inversion: of a recording, in the place of the source.
        output_type: see `AuffusionOutput`.
        on_step: called after each step.

    Returns:
        The source's sound and that of each edit, in the order of `target`.

    Raises:
        InputError: an argument out of range, or arguments that contradict each other.
    """
    targets = [target] if isinstance(target, str) else target
    call = WordCall(
        prompts=[prompt, *targets],
        negative_prompt=negative_prompt,
        length_s=audio_length_in_s,
        steps=num_inference_steps,
        scale=guidance_scale,
        rescale=guidance_rescale,
        eta=eta,
        seed=seed,
        shared_noise=shared_noise,
        latents=latents,
        inversion=inversion,
        output_type=output_type,
        on_step=on_step,
    )
    where = blending(local_blend, lambda: _added(call.texts), blend_threshold, blend_height)
    return edit_words(
        model,
        call,
        lambda text: [
            Refine(
                text,
                call.texts,
                cross_replace_steps=cross_replace_steps,
                self_replace_steps=self_replace_steps,
                self_queries=self_queries,
                legacy=legacy,
            )
        ],
        where,
    )


def _added(texts: Sequence[str]) -> list[list[int]]:
    """The words of each prompt that the other does not have: lost ones and added ones."""
    source, *targets = [text.split(" ") for text in texts]
    found: list[list[int]] = [[]]
    for target in targets:
        codes = SequenceMatcher(None, source, target, autojunk=False).get_opcodes()
        changes = [(range(a, b), range(c, d)) for kind, a, b, c, d in codes if kind != "equal"]
        found[0] += [i for lost, _ in changes for i in lost if i not in found[0]]
        found.append([i for _, added in changes for i in added])
    return found
