"""Word swap: the same scene, said with other words (prompt-to-prompt; paper App. E.4)."""

from collections.abc import Sequence

import torch

from auffusion.denoise import StepHook
from auffusion.edit.source_edit import SELF_QUERIES
from auffusion.edit.step_window import StepWindow, WordWindows
from auffusion.edit.word_swap import WordSwap
from auffusion.pipeline.assembly import AssembledModel
from auffusion.pipeline.inversion import Inversion
from auffusion.pipeline.output import AuffusionOutput
from auffusion.pipeline.rendering import OutputType
from auffusion.pipeline.word_editing import BlendWords, WordCall, blending, edit_words
from auffusion.shapes import Latent
from auffusion.text import swapped_words


@torch.no_grad()
def swap(
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
    """A sound and the same with words exchanged (arXiv 2208.01626, §3.2; paper App. E.4).

    ``pipe.swap("a dog barking in a hall", "a cat meowing in a hall")`` makes two sounds. The new
    words take over what the old ones attended to, so that the scene stays: when, how often, at
    which pitch. The first sound is the source's, exactly as without an edit.

    Args:
        model: the pipeline.
        prompt: of the source. Prompts may hold weights, as in ``a (dog:1.5) barking``.
        target: of the edit, or several for an edit each. Words are what single spaces separate;
            a target has as many as the source, or runs of words in the place of others. Their
            tokens may differ in number.
        cross_replace_steps: how long the attention to words is the source's: a number of steps, a
            share of them (0.8), both as (first, end), or a dict of these for single words, such as
            ``{"default_": 0.8, "meowing": 0.3}``. The shorter, the freer.
        self_replace_steps: how long the coarse self-attention is the source's.
        self_queries: most places of a layer whose self-attention is replaced.
        local_blend: True keeps the source where neither the old nor the new words are attended to;
            or the words to look at, an entry an item, the source's first:
            ``["dog", ["cat", "meowing"]]``.
        blend_threshold: share of the largest attention from which a place belongs to the words.
        blend_height: rows of the grid on which that is judged; None is the nearest to the
            published 8.
        legacy: words behind one of another token count read their neighbour's attention, as in
            the published code.
        negative_prompt: what none of the sounds is to be; None is no text.
        audio_length_in_s: seconds, 0.5 to 600; None is the training window.
        num_inference_steps: steps; None is the model's default.
        guidance_scale: diffusers' s (the paper's w + 1); no guidance at 1 or below. None is the
            model's default.
        guidance_rescale: φ of arXiv 2305.08891, 0 to 1.
        eta: η of DDIM, 0 to 1; ignored by other schedulers.
        seed: decides the noise.
        shared_noise: whether all sounds have the same noise; else their seeds count up.
        latents: noise of deviation one to start from: one for all, or one an item.
        inversion: of a recording (`AuffusionPipeline.invert`), whose description is `prompt`: it
            stands in the place of the source, and has decided steps, guidance and length.
        output_type: "np", "pt", "mel", "image" or "latent"; see `AuffusionOutput`.
        on_step: called after each step.

    Returns:
        The source's sound and that of each edit, in the order of `target`.

    Raises:
        InputError: prompts that cannot be swapped, an argument out of range, or arguments that
            contradict each other.
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
    where = blending(local_blend, lambda: _swapped(call.texts), blend_threshold, blend_height)
    return edit_words(
        model,
        call,
        lambda text: [
            WordSwap(
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


def _swapped(texts: Sequence[str]) -> list[list[int]]:
    """The words of each prompt that have others in their place."""
    source, *targets = [text.split(" ") for text in texts]
    found: list[list[int]] = [[]]
    for target in targets:
        pairs = [
            (first, second)
            for first, second in swapped_words(source, target)
            if [source[i] for i in first] != [target[i] for i in second]
        ]
        found[0] += [i for first, _ in pairs for i in first if i not in found[0]]
        found.append([i for _, second in pairs for i in second])
    return found
