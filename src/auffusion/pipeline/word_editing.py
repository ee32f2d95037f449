"""What swap, refine and reweight have in common: a source and its edits, walked side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool
from torch import Tensor

from auffusion.attention import AttentionController, Controllers
from auffusion.denoise import Predictor, Scheduler, StepHook
from auffusion.edit.local_blend import LocalBlend
from auffusion.edit.reweight import Reweight
from auffusion.errors import InputError
from auffusion.pipeline.assembly import AssembledModel
from auffusion.pipeline.canvas import Canvas
from auffusion.pipeline.chain import Chain, Sampling
from auffusion.pipeline.conditioning import Wording
from auffusion.pipeline.hooks import hooked
from auffusion.pipeline.inversion import Inversion
from auffusion.pipeline.output import AuffusionOutput
from auffusion.pipeline.randomness import Randomness, choose_randomness
from auffusion.pipeline.rendering import OutputType, check_output_type
from auffusion.shapes import Latent
from auffusion.text import TextEncoder, Word, weighted_prompt, word_rows

BlendWords = Sequence[Word | Sequence[Word]]
"""For each item, the source first, the word or words that it is blended around."""

_PUBLISHED_HEIGHT = 8
"""Rows of the grid that the published local blend looks at: 32 mel bands each, of 0.32 s."""


@dataclass(frozen=True, kw_only=True)
class Blending:
    """Where an edit may change the sound."""

    words: BlendWords
    """Around which words."""
    threshold: float = 0.3
    """Share of the largest attention from which a place belongs to them."""
    height: int | None = None
    """Rows of the grids that are looked at; None is the nearest to the published 8."""


def blending(
    words: bool | BlendWords,
    changed: Callable[[], BlendWords],
    threshold: float,
    height: int | None,
) -> Blending | None:
    """Where an edit may change the sound, as its caller said.

    Args:
        words: False for everywhere, True for where the changed words are, or the words.
        changed: gives the words that the edit changes.
        threshold: of `Blending`.
        height: of `Blending`.

    Raises:
        InputError: nothing is changed.
    """
    if words is False:
        return None
    chosen = changed() if words is True else words
    if not any(isinstance(one, int) or one for one in chosen):
        raise InputError(
            "local blending keeps the source where no changed word is attended to, and no word is "
            "changed: name the words"
        )
    return Blending(words=chosen, threshold=threshold, height=height)


@dataclass(frozen=True, kw_only=True)
class WordCall:
    """A source prompt, its edits, and the numbers of the call."""

    prompts: Sequence[str]
    """The source's and those of the edits; they may hold weights."""
    negative_prompt: str | None = None
    """What none of them is to be."""
    length_s: float | None = None
    """Seconds; None is the training window."""
    steps: int | None = None
    """Denoising steps; None is the model's."""
    scale: float | None = None
    """Guidance scale; None is the model's."""
    rescale: float = 0.0
    """φ of arXiv 2305.08891."""
    eta: float = 0.0
    """η of DDIM."""
    seed: int = 0
    """Of the noise."""
    shared_noise: bool = True
    """Whether all items have the source's noise; else their seeds count up from it."""
    latents: Latent | None = None
    """Noise to start from, one for all or one an item."""
    inversion: Inversion | None = None
    """A recording in the place of the source's noise."""
    output_type: OutputType = "np"
    """As in `AuffusionPipeline`."""
    on_step: StepHook | None = None
    """Called after each step."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The prompts without weights."""
        return tuple(weighted_prompt(prompt).text for prompt in self.prompts)

    def __post_init__(self) -> None:
        check_output_type(self.output_type)
        if len(self.prompts) < 2:
            raise InputError("there is no edit in the list: give at least one")
        if self.inversion is None:
            return
        own = {
            "negative_prompt": self.negative_prompt,
            "audio_length_in_s": self.length_s,
            "num_inference_steps": self.steps,
            "guidance_scale": self.scale,
            "guidance_rescale": self.rescale or None,
            "eta": self.eta or None,
            "latents": self.latents,
        }
        given = [name for name, value in own.items() if value is not None]
        if given:
            raise InputError(
                f"{given[0]} was decided when the recording was inverted: give it there, not here"
            )
        if self.inversion.prompt != self.prompts[0]:
            raise InputError(
                f"the recording was inverted as {self.inversion.prompt!r}, and the source prompt "
                f"is {self.prompts[0]!r}: both must be the same"
            )


@dataclass(frozen=True)
class _Start:
    """What a walk sets out with."""

    latent: Latent
    walk: Scheduler
    samples: int
    steps: int


def edit_words(
    model: AssembledModel,
    call: WordCall,
    controllers: Callable[[TextEncoder], Sequence[AttentionController]],
    blending: Blending | None,
) -> AuffusionOutput:
    """The sounds of a source and its edits, in this order.

    Args:
        model: the pipeline.
        call: prompts and numbers.
        controllers: what is done to attention, before the weights of the prompts.
        blending: where it may be done; None is everywhere.

    Raises:
        InputError: arguments that contradict each other or the model.
    """
    chain, items = Chain(model), len(call.prompts)
    inversion = call.inversion
    sampling = _sampling(chain, call)
    negative = call.negative_prompt if inversion is None else inversion.negative_prompt
    wording = Wording(prompt=call.prompts, negative_prompt=negative)
    conditioning = chain.condition(wording, guided=sampling.guided)
    steered = list(controllers(chain.model.text))
    if conditioning.factors is not None:
        steered.append(Reweight(conditioning.factors))
    if blending is not None:
        steered.append(_local_blend(chain, call.texts, blending))
    randomness = _randomness(call)
    start = _start(chain, call, sampling, randomness)
    guidance = chain.guidance(replace(conditioning, factors=None), sampling)
    predict: Predictor = guidance if inversion is None else inversion.guided(guidance)
    with chain.attended(Controllers(steered), steps=start.steps, items=items) as on_attention:
        hook = hooked(on_attention, call.on_step)
        latent = chain.denoise(predict, start.walk, start.latent, hook)
    drawn = inversion is None and call.latents is None
    output = chain.render(
        latent,
        start.samples,
        call.output_type,
        seeds=randomness.seeds if drawn else None,
        truncated=conditioning.truncated,
    )
    return output if inversion is None else inversion.recording.at_its_level(output)


def _sampling(chain: Chain, call: WordCall) -> Sampling:
    if call.inversion is not None:
        return call.inversion.sampling
    return chain.sampling(call.steps, call.scale, rescale=call.rescale, eta=call.eta)


def _randomness(call: WordCall) -> Randomness:
    # Of one seed each, so that what a scheduler draws on the way is shared as well.
    step = 0 if call.shared_noise else 1
    seeds = [call.seed + step * item for item in range(len(call.prompts))]
    return choose_randomness(len(seeds), seeds=seeds)


def _start(chain: Chain, call: WordCall, sampling: Sampling, randomness: Randomness) -> _Start:
    items, inversion = len(call.prompts), call.inversion
    if inversion is not None:
        walk = inversion.walk
        return _Start(
            inversion.starts(items), walk, inversion.recording.samples, len(walk.timesteps)
        )
    given, canvas = call.latents, chain.canvas
    if given is not None and len(given) == 1:
        given = given.repeat(items, 1, 1, 1)
    samples = canvas.samples(call.length_s)
    if call.length_s is None and given is not None:
        samples = given.shape[-1] * canvas.pixels * chain.model.mel.hop_length
    walk = chain.walk(sampling, randomness)
    noise = chain.noise(randomness, samples, given)
    return _Start(noise * walk.init_noise_sigma, walk, samples, sampling.steps)


def _local_blend(chain: Chain, texts: Sequence[str], blending: Blending) -> LocalBlend:
    if len(blending.words) != len(texts):
        raise InputError(
            f"local blending was given words for {len(blending.words)} items, and there are "
            f"{len(texts)}: give those of the source first, then those of each edit"
        )
    rows = [
        _blend_rows(chain.model.text, prompt, words)
        for prompt, words in zip(texts, blending.words, strict=True)
    ]
    canvas = chain.canvas
    return LocalBlend(
        torch.stack(rows),
        heights=(_grid_height(chain, canvas, blending.height),),
        threshold=blending.threshold,
        window=canvas.window,
        overlap=canvas.overlap,
    )


def _blend_rows(
    text: TextEncoder, prompt: str, words: Word | Sequence[Word]
) -> Bool[Tensor, "token"]:
    chosen = [words] if isinstance(words, str | int) else list(words)
    rows = torch.zeros(sum(branch.max_length for branch in text.branches), dtype=torch.bool)
    for word in chosen:
        rows |= word_rows(text, prompt, word)
    return rows


def _grid_height(chain: Chain, canvas: Canvas, wanted: int | None) -> int:
    """Rows of a grid on which the network attends to the text."""
    config = chain.model.unet.config
    kinds = zip(config.down_block_types, reversed(config.up_block_types), strict=True)
    offered = [
        -(-canvas.rows // 2**level)
        for level, pair in enumerate(kinds)
        if any("CrossAttn" in kind for kind in pair)
    ]
    if wanted is None:
        return min(offered, key=lambda height: abs(height - _PUBLISHED_HEIGHT))
    if wanted not in offered:
        raise InputError(
            f"this model attends to the text on grids of {', '.join(map(str, offered))} rows, "
            f"not of {wanted}: choose one of them to blend by"
        )
    return wanted
