"""`AuffusionPipeline.attention`: a sound, and where each word of its prompt was attended to."""

import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from auffusion.attention import (
    AUFFUSION_AXES,
    EVERYTHING,
    AttentionStore,
    Controllers,
    Extent,
    Grounding,
    Heatmap,
    LatentAxes,
    Selection,
    controlled,
    grounding,
    pooled,
    word_heatmap,
)
from auffusion.attention.controlled import Place
from auffusion.attention.store import Apart
from auffusion.denoise import StepHook
from auffusion.edit.reweight import Reweight
from auffusion.errors import InputError
from auffusion.pipeline.assembly import AssembledModel
from auffusion.pipeline.chain import Chain
from auffusion.pipeline.conditioning import Conditioning, Wording
from auffusion.pipeline.hooks import hooked
from auffusion.pipeline.output import AuffusionOutput
from auffusion.pipeline.randomness import choose_randomness
from auffusion.text import weighted_prompt, word_rows


@dataclass(frozen=True, kw_only=True, eq=False)
class WatchedSound:
    """A generated sound and where its words were attended to."""

    prompt: str
    """What was asked for."""
    words: tuple[str, ...]
    """The words that were watched, in the order of the store's columns."""
    output: AuffusionOutput
    """The sound, as the pipeline gives it as "pt"; the same as without watching."""
    level: Float[Tensor, "band frame"]
    """Its spectrogram from 0, silence, to 1, the lowest band first: what words are held against."""
    extent: Extent
    """What a latent covers."""
    store: AttentionStore
    """All that was kept."""
    axes: LatentAxes = AUFFUSION_AXES
    """How a latent lies."""

    def heatmaps(self, selection: Selection = EVERYTHING) -> dict[str, Heatmap]:
        """The map of each word, averaged over some layers, steps and heads.

        Raises:
            InputError: a selection that was not kept (`apart`).
        """
        return {
            word: word_heatmap(self.store, column, self.extent, axes=self.axes, selection=selection)
            for column, word in enumerate(self.words)
        }

    def scores(self, maps: Mapping[str, Heatmap] | None = None) -> dict[str, Grounding | None]:
        """How well each word is grounded in the whole sound; None in a sound of one level only.

        Args:
            maps: of `heatmaps`; None is those of everything.
        """
        mel = self.extent.mel
        judged = self.heatmaps() if maps is None else maps
        pictures = {word: one.values.numpy() for word, one in judged.items()}
        found: dict[str, Grounding | None] = {}
        for word, picture in pictures.items():
            target = pooled(self.level, judged[word], mel.hop_length / mel.sample_rate).numpy()
            others = [other for name, other in pictures.items() if name != word]
            flat = target.max() == target.min()
            found[word] = None if flat else grounding(picture, target, others)
        return found


@torch.no_grad()
def attention(
    model: AssembledModel,
    prompt: str,
    *,
    words: Sequence[str] | None = None,
    negative_prompt: str | None = None,
    audio_length_in_s: float | None = None,
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    seed: int = 0,
    places: Collection[Place] | None = None,
    levels: Collection[int] | None = None,
    steps: Collection[int] | None = None,
    heads: Collection[int] | None = None,
    apart: Collection[Apart] = (),
    on_step: StepHook | None = None,
) -> WatchedSound:
    """A sound, and where each word of its prompt was attended to (paper §4.3, Fig. 2).

    A word's map is its share of cross-attention in the conditional half, its tokens (of all text
    encoders) joined, averaged over layers, steps and heads. Watching changes no bit of the sound.

    Args:
        model: the pipeline.
        prompt: what to hear.
        words: words exactly as they stand in the prompt (without weights); None is each of them.
        negative_prompt: what not to hear; None is no text.
        audio_length_in_s: seconds, up to the model's training window, which is the default.
        num_inference_steps: steps; None is the model's default. The paper's figure has 50.
        guidance_scale: diffusers' s (the paper's w + 1); None is the model's default.
        seed: decides the noise.
        places: parts of the U-Net to watch: "down", "mid", "up"; None is all.
        levels: levels of the U-Net to watch: 0 has the latent's grid, each next one half of it in
            both directions; None is all.
        steps: steps to watch, from 0; None is all.
        heads: attention heads to watch, from 0; None is all.
        apart: "step", "head" or both: what is kept apart for `WatchedSound.heatmaps`. Layers always
            are.
        on_step: called after each step.

    Raises:
        InputError: a word that is not in the prompt, a sound wider than the window, a selection
            without any layer, or a number out of range.
    """
    chain = Chain(model)
    sampling = chain.sampling(num_inference_steps, guidance_scale)
    text = weighted_prompt(prompt).text
    watched_words = prompt_words(text) if words is None else tuple(dict.fromkeys(words))
    samples = chain.canvas.samples(audio_length_in_s)
    _check_width(chain, samples)
    randomness = choose_randomness(1, seeds=[seed])
    walk = chain.walk(sampling, randomness)
    noise = chain.noise(randomness, samples)
    grids = None if levels is None else level_grids(noise.shape[-2], noise.shape[-1], levels)
    store = AttentionStore(
        watched=Selection(places=places, grids=grids, steps=steps, heads=heads),
        columns=[_rows(chain, text, word) for word in watched_words],
        apart=apart,
    )
    wording = Wording(prompt=[prompt], negative_prompt=negative_prompt)
    conditioning = chain.condition(wording, guided=sampling.guided)
    with _watched(chain, conditioning, store):
        guidance = chain.guidance(replace(conditioning, factors=None), sampling)
        start, hook = noise * walk.init_noise_sigma, hooked(store.on_step, on_step)
        latent = chain.denoise(guidance, walk, start, hook)
    output = chain.render(latent, samples, "pt", seeds=(seed,), truncated=conditioning.truncated)
    log_mel = torch.as_tensor(output.spectrograms)
    return WatchedSound(
        prompt=prompt,
        words=watched_words,
        output=output,
        level=chain.model.image_codec.encode(log_mel)[0, 0].flip(0).float().cpu(),
        extent=_extent(chain, samples),
        store=store,
    )


def _watched(
    chain: Chain, conditioning: Conditioning, store: AttentionStore
) -> AbstractContextManager[None]:
    """The network under the store, which sees what the weights of the prompt leave."""
    factors = conditioning.factors
    before = () if factors is None else (Reweight(factors),)
    return controlled(chain.model.unet, Controllers([*before, store]), 1)


def prompt_words(prompt: str) -> tuple[str, ...]:
    """Each word of a prompt once; words are what single spaces separate.

    Raises:
        InputError: there is none.
    """
    words = tuple(dict.fromkeys(word for word in prompt.split(" ") if word))
    if not words:
        raise InputError("the prompt has no words whose attention could be watched")
    return words


def _rows(chain: Chain, prompt: str, word: str) -> list[int]:
    rows = word_rows(chain.model.text, prompt, word)
    return [row for row, stands in enumerate(rows) if stands]


def _check_width(chain: Chain, samples: int) -> None:
    canvas = chain.canvas
    if canvas.columns(samples) > canvas.window:
        window_s = canvas.samples(None) / canvas.mel.sample_rate
        raise InputError(
            f"attention is watched within one training window of {window_s:.2f} s, and a sound of "
            f"{samples / canvas.mel.sample_rate:.2f} s is made in several: choose a shorter one"
        )


def level_grids(height: int, width: int, levels: Collection[int]) -> list[tuple[int, int]]:
    """Rows and columns of levels of a U-Net, from those of its latents.

    >>> level_grids(32, 128, [0, 2])
    [(32, 128), (8, 32)]

    Raises:
        InputError: a level below 0.
    """
    if not all(level >= 0 for level in levels):
        raise InputError(f"levels {sorted(levels)} must be 0 (the latent's grid) or more")
    return [(math.ceil(height / 2**level), math.ceil(width / 2**level)) for level in levels]


def _extent(chain: Chain, samples: int) -> Extent:
    canvas = chain.canvas
    return Extent(
        mel=canvas.mel,
        frames=canvas.columns(samples) * canvas.pixels,
        shown_s=samples / canvas.mel.sample_rate,
    )
