"""Looping: a recording whose end leads into its beginning."""

from dataclasses import replace

import torch

from auffusion.denoise import StepHook
from auffusion.edit.region import Region
from auffusion.errors import InputError
from auffusion.pipeline.assembly import AssembledModel
from auffusion.pipeline.chain import Chain
from auffusion.pipeline.edited import EditedRecording
from auffusion.pipeline.recording import Sound, as_channels, as_recording
from auffusion.pipeline.repainting import (
    FADE_S,
    ROUNDS,
    Repaint,
    check_fade,
    guided_by,
    repaint,
    worded,
)


def loop(
    model: AssembledModel,
    audio: Sound,
    sample_rate: int,
    prompt: str | None = None,
    *,
    junction_s: float = 1.0,
    fade_s: float = FADE_S,
    rounds: int = ROUNDS,
    negative_prompt: str | None = None,
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    seed: int = 0,
    on_step: StepHook | None = None,
) -> EditedRecording:
    """A recording that can be played in a circle: no seam where its end meets its beginning.

    The sound is turned by half, so that its ends meet in the middle; there a junction is inpainted
    (`inpaint`), and the sound is turned back. Its length stays, and so do its samples but for half
    a junction at either end. A sound of the model's own is looped in the same way.

    Args:
        model: the pipeline.
        audio: samples in [-1, 1], one channel or several, of 0.5 s to 10 minutes.
        sample_rate: their rate in Hz.
        prompt: what to hear in the junction; None is no text, and then there is no guidance.
        junction_s: seconds that are made anew, half of them at either end; at most half the
            recording.
        fade_s: seconds of the cross-fades at the junction's ends.
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
        InputError: a junction that is none or too long, or a recording or number that the model
            cannot take.
    """
    check_fade(fade_s)
    chain = Chain(model)
    channels = as_channels(audio)
    seconds, half = channels.shape[-1] / sample_rate, channels.shape[-1] // 2
    if not 0 < junction_s <= seconds / 2:
        raise InputError(
            f"a junction of {junction_s:g} s does not fit into a recording of {seconds:.2f} s: "
            "expected more than 0 and at most half of it"
        )
    turned = as_recording(torch.roll(channels, half, dims=-1), sample_rate, chain)
    # Sample `half` of the turned sound is the recording's first one.
    seam_s = half / sample_rate
    region = Region(start_s=seam_s - junction_s / 2, end_s=seam_s + junction_s / 2)
    how = Repaint(
        wording=worded(chain, prompt, negative_prompt),
        sampling=chain.sampling(num_inference_steps, guided_by(prompt, guidance_scale)),
        seed=seed,
        rounds=rounds,
        fade_s=fade_s,
        on_step=on_step,
    )
    edited = repaint(chain, turned, [region], how)
    return replace(
        edited,
        audio=torch.roll(edited.audio, -half, dims=-1),
        regions=(
            Region(start_s=0.0, end_s=junction_s / 2),
            Region(start_s=seconds - junction_s / 2, end_s=seconds),
        ),
    )
