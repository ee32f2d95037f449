"""Regions of a recording made anew: what inpainting, extending, looping and upsampling share."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from auffusion.audio import fit_length, resample, to_mono
from auffusion.denoise import StepHook
from auffusion.edit.keep import LatentMask, keep_outside
from auffusion.edit.paste import paste_back
from auffusion.edit.region import Region, check_within, latent_mask, picture_mask
from auffusion.edit.rounds import Rounds
from auffusion.edit.start import Start, start_from
from auffusion.errors import InputError
from auffusion.pipeline.chain import Chain, Sampling
from auffusion.pipeline.conditioning import Wording
from auffusion.pipeline.edited import EditedRecording
from auffusion.pipeline.hooks import hooked
from auffusion.pipeline.loudness import level, lost_in_speaking
from auffusion.pipeline.randomness import choose_randomness
from auffusion.pipeline.recording import Channels, Recording
from auffusion.shapes import Waveform

FADE_S = 0.02
"""Seconds of a cross-fade between the recording and what was generated, unless told."""

ROUNDS = 1
"""How often each step is made, unless told."""

_LONGEST_FADE_S = 10.0
_QUIET = 0.01  # of the peak: 40 dB below it, a level is that of noise
_MOST_CORRECTION = 2.0  # 6 dB: what is further off is not the model's error
_MOST_CHANNEL = 4.0  # channels that cancel each other have next to no mean


@dataclass(frozen=True, kw_only=True)
class Repaint:
    """What is made anew, and how."""

    wording: Wording
    """What to hear."""
    sampling: Sampling
    """The numbers of the walk."""
    seed: int
    """Decides the noise."""
    strength: float = 1.0
    """1 begins with noise alone, less with what was there."""
    rounds: int = ROUNDS
    """How often each step is made (RePaint)."""
    fade_s: float = FADE_S
    """Seconds of a cross-fade."""
    on_step: StepHook | None = None
    """Called after each step."""


@torch.no_grad()
def repaint(
    chain: Chain, recording: Recording, regions: Sequence[Region], how: Repaint
) -> EditedRecording:
    """A recording with regions that a model made, its own samples elsewhere (paper App. E.3).

    Raises:
        InputError: no region, or one that is not within the recording.
    """
    check_within(regions, recording.seconds)
    randomness = choose_randomness(1, seeds=[how.seed])
    # In this order, as diffusers draws.
    known = recording.latent(chain, randomness.generators[0])
    noise = chain.noise(randomness, recording.samples)
    walk = chain.walk(how.sampling, randomness)
    if how.strength == 1.0:
        start = Start(noise * walk.init_noise_sigma, walk.late(0))
    else:
        steps = how.sampling.steps
        start = start_from(known, how.strength, noise=noise, walk=walk, steps=steps)
    mask = _mask(chain, regions, recording).to(known)
    rounds = Rounds(start.walk, how.rounds, randomness.generators)
    keep = keep_outside(mask, known=known, noise=noise, walk=rounds)
    on_step = hooked(keep, rounds.on_step, how.on_step)
    conditioning = chain.condition(how.wording, guided=how.sampling.guided)
    guidance = chain.guidance(conditioning, how.sampling)
    latent = chain.denoise(guidance, rounds, start.latent, on_step)
    output = chain.render(latent, recording.samples, "pt")
    spoken = torch.as_tensor(output.audios)
    lost = lost_in_speaking(spoken, torch.as_tensor(output.spectrograms), chain.model.mel)
    generated = (spoken * lost * recording.gain).cpu()
    return EditedRecording(
        audio=_pasted(chain, recording, generated, regions, how.fade_s),
        sampling_rate=recording.rate,
        generated=generated,
        latents=latent,
        regions=tuple(regions),
        seed=how.seed,
        truncated=conditioning.truncated[0],
    )


def _mask(chain: Chain, regions: Sequence[Region], recording: Recording) -> LatentMask:
    canvas = chain.canvas
    frames = canvas.columns(recording.samples) * canvas.pixels
    picture = picture_mask(regions, canvas.mel, duration_s=recording.seconds, frames=frames)
    return latent_mask(picture, canvas.pixels)


def _pasted(
    chain: Chain,
    recording: Recording,
    generated: Waveform,
    regions: Sequence[Region],
    fade_s: float,
) -> Float[Tensor, "channel sample"]:
    """The regions at the recording's rate, in each of its channels, each at its level."""
    channels, rate = recording.channels, recording.rate
    heard = resample(generated, chain.model.mel.sample_rate, rate)
    heard = fit_length(heard, channels.shape[-1])
    mono = to_mono(channels).float()

    def kept(sound: Waveform) -> Waveform:
        return paste_back(sound, torch.zeros_like(sound), regions, rate=rate, fade_s=fade_s)

    def made(sound: Channels) -> Channels:
        return paste_back(torch.zeros_like(sound), sound, regions, rate=rate, fade_s=fade_s)

    quiet = _QUIET * float(mono.abs().amax())
    heard = heard * _correction(level(kept(mono)), level(kept(heard)), quiet=quiet)
    spread = heard * _balance(channels, mono)
    # The vocoder's phases may add up to peaks that the recording has not.
    highest, allowed = made(spread).abs().amax(), channels.abs().amax().clamp_min(1.0)
    if highest > allowed:
        spread = spread * (allowed / highest)
    return paste_back(channels, spread, regions, rate=rate, fade_s=fade_s)


def _balance(channels: Channels, mono: Waveform) -> Float[Tensor, "channel 1"]:
    """How loud each channel is beside their mean, from which the model's sound is made."""
    whole = level(mono)
    if whole <= 0:
        return torch.ones(len(channels), 1)
    return (level(channels) / whole).clamp_max(_MOST_CHANNEL)


def _correction(kept: Tensor, reproduced: Tensor, *, quiet: float) -> float:
    """What brings the model's sound to the recording's level, by what both have: the kept part."""
    if min(kept.item(), reproduced.item()) <= quiet:
        return 1.0
    return (kept / reproduced).clamp(1 / _MOST_CORRECTION, _MOST_CORRECTION).item()


def worded(chain: Chain, prompt: str | None, negative_prompt: str | None) -> Wording:
    """What is asked for; no prompt is no text, as the model was trained.

    Raises:
        InputError: a negative prompt without a prompt.
    """
    if prompt is not None:
        return Wording(prompt=prompt, negative_prompt=negative_prompt)
    if negative_prompt is not None:
        raise InputError("a negative prompt is given without a prompt: give both, or none")
    return Wording(prompt_embeds=chain.model.text.unconditional(1))


def guided_by(prompt: str | None, scale: float | None) -> float | None:
    """The guidance scale of a call: without a prompt there is nothing to guide towards."""
    return 1.0 if prompt is None else scale


def check_fade(fade_s: float) -> None:
    """Raise `InputError` for a cross-fade that is out of range."""
    if not 0.0 <= fade_s <= _LONGEST_FADE_S:
        raise InputError(
            f"a cross-fade of {fade_s:g} s is out of range: choose 0 to {_LONGEST_FADE_S:g} s"
        )
