"""Extending: what may have been before a recording, and after it."""

import torch
from torch import Tensor

from auffusion.denoise import StepHook
from auffusion.edit.region import Region
from auffusion.errors import InputError
from auffusion.pipeline.assembly import AssembledModel
from auffusion.pipeline.chain import Chain
from auffusion.pipeline.edited import EditedRecording
from auffusion.pipeline.recording import Sound, as_recording
from auffusion.pipeline.repainting import ROUNDS, Repaint, check_fade, guided_by, repaint, worded

SEAM_S = 0.1
"""Seconds at an end of the recording that lead over to what is added."""


def extend(
    model: AssembledModel,
    audio: Sound,
    sample_rate: int,
    prompt: str | None = None,
    *,
    before_s: float = 0.0,
    after_s: float = 0.0,
    seam_s: float = SEAM_S,
    rounds: int = ROUNDS,
    negative_prompt: str | None = None,
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    seed: int = 0,
    on_step: StepHook | None = None,
) -> EditedRecording:
    """A recording that begins earlier and ends later; its own samples in between.

    What is added is inpainted (`inpaint`) beyond the ends. Over `seam_s` at such an end the
    recording is cross-faded into the model's version of it: behind the last sample there is
    nothing to fade from.

    Args:
        model: the pipeline.
        audio: samples in [-1, 1], one channel or several, of 0.5 s to 10 minutes.
        sample_rate: their rate in Hz.
        prompt: what to hear; None is no text, and then there is no guidance.
        before_s: seconds to add before the beginning.
        after_s: seconds to add behind the end.
        seam_s: seconds of the recording that are cross-faded at an end to which is added.
        rounds: how often each step is made (RePaint, arXiv 2201.09865): with more, what is made
            anew fits what is around it better, and takes as much longer. More than 1 need a
            scheduler that steps from one latent alone, such as DDIM.
        negative_prompt: what not to hear in it.
        num_inference_steps: steps; None is the model's default.
        guidance_scale: diffusers' s (the paper's w + 1); no guidance at 1 or below. None is the
            model's default.
        seed: decides the noise.
        on_step: called after each step.

    Raises:
        InputError: nothing to add, more than ten minutes in all, or a recording or number that
            the model cannot take.
    """
    check_fade(seam_s)
    # Written so that NaN fails too.
    if not (before_s >= 0 and after_s >= 0 and before_s + after_s > 0):
        raise InputError(
            f"{before_s:g} s before and {after_s:g} s after are to be added: expected 0 or more "
            "each, and more than 0 together"
        )
    chain = Chain(model)
    own = as_recording(audio, sample_rate, chain)
    chain.canvas.samples(own.seconds + before_s + after_s)
    before, after = round(before_s * sample_rate), round(after_s * sample_rate)
    longer = as_recording(_mirrored(own.channels, before, after), sample_rate, chain)
    begin_s, end_s = before / sample_rate, longer.seconds - after / sample_rate
    seam_s = min(seam_s, own.seconds / 4)
    regions: list[Region] = []
    if before:
        regions.append(Region(start_s=0.0, end_s=begin_s + seam_s))
    if after:
        regions.append(Region(start_s=end_s - seam_s, end_s=longer.seconds))
    how = Repaint(
        wording=worded(chain, prompt, negative_prompt),
        sampling=chain.sampling(num_inference_steps, guided_by(prompt, guidance_scale)),
        seed=seed,
        rounds=rounds,
        fade_s=seam_s,
        on_step=on_step,
    )
    return repaint(chain, longer, regions, how)


def _mirrored(channels: Tensor, before: int, after: int) -> Tensor:
    """The sound to and fro, so that at its ends the VAE hears no cut; it is made anew anyway."""
    samples = channels.shape[-1]
    places = torch.arange(-before, samples + after) % (2 * samples)
    return channels[:, torch.where(places < samples, places, 2 * samples - 1 - places)]
