"""Attention re-weighting: the same scene with words stronger or weaker (paper App. E.5)."""

from collections.abc import Mapping, Sequence

import torch

from auffusion.attention import AttentionController
from auffusion.denoise import StepHook
from auffusion.edit.reweight import Reweight
from auffusion.edit.source_edit import SELF_QUERIES
from auffusion.edit.step_window import StepWindow, WordSteps, WordWindows
from auffusion.edit.word_swap import WordSwap
from auffusion.pipeline.assembly import AssembledModel
from auffusion.pipeline.inversion import Inversion
from auffusion.pipeline.output import AuffusionOutput
from auffusion.pipeline.rendering import OutputType
from auffusion.pipeline.word_editing import BlendWords, WordCall, blending, edit_words
from auffusion.shapes import Latent
from auffusion.text import TextEncoder, Word, WordWeights, equaliser


@torch.no_grad()
def reweight(
    model: AssembledModel,
    prompt: str,
    weights: WordWeights | Sequence[WordWeights],
    *,
    cross_replace_steps: WordWindows = 0.8,
    self_replace_steps: StepWindow = 0.4,
    self_queries: int = SELF_QUERIES,
    local_blend: bool | BlendWords = False,
    blend_threshold: float = 0.3,
    blend_height: int | None = None,
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
    """A sound and the same with words weighted (arXiv 2208.01626, §3.2; paper App. E.5).

    ``pipe.reweight("a man chopping wood", {"chopping": 2.0})`` makes two sounds. Within the window
    an edit's attention is the source's times the weight of each word, not brought back to a sum of
    1; outside it is its own. A weight in the prompt itself, ``a man (chopping:2.0) wood``, holds in
    all steps instead and keeps nothing of a source.

    The arguments that `AuffusionPipeline.swap` has too mean the same here.

    Args:
        model: the pipeline.
        prompt: of the source and of all edits.
        weights: the factor of each word, by the word or by its index; several for an edit each.
            1 changes nothing, 0 takes the word's attention away, below 0 turns what it does around.
        cross_replace_steps: how long the attention is the source's times the weights.
        self_replace_steps: how long the coarse self-attention is the source's.
        self_queries: most places of a layer whose self-attention is replaced.
        local_blend: True keeps the source where no weighted word is attended to; or the words to
            look at, an entry an item.
        blend_threshold: share of the largest attention from which a place belongs to the words.
        blend_height: rows of the grid on which that is judged.
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
        The source's sound and that of each edit, in the order of `weights`.

    Raises:
        InputError: a word that the prompt does not have, an argument out of range, or arguments
            that contradict each other.
    """
    each = [weights] if isinstance(weights, Mapping) else list(weights)
    call = WordCall(
        prompts=[prompt] * (1 + len(each)),
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

    def controllers(text: TextEncoder) -> list[AttentionController]:
        as_source = WordSwap(
            text,
            call.texts,
            cross_replace_steps=cross_replace_steps,
            self_replace_steps=self_replace_steps,
            self_queries=self_queries,
        )
        own = [equaliser(text, call.texts[0], one) for one in each]
        windows = WordSteps(text, call.texts, cross_replace_steps)
        return [as_source, Reweight(torch.stack([torch.ones_like(own[0]), *own]), windows)]

    where = blending(local_blend, lambda: _weighted(each), blend_threshold, blend_height)
    return edit_words(model, call, controllers, where)


def _weighted(weights: Sequence[WordWeights]) -> list[list[Word]]:
    """The words of each item that have a weight; all of them for the source."""
    edits = [list[Word](one) for one in weights]
    return [list(dict.fromkeys(word for words in edits for word in words)), *edits]
