"""Inpainting: intervals and boxes of a recording made anew (paper App. E.3)."""

from collections.abc import Sequence

from auffusion.denoise import StepHook
from auffusion.edit.region import Region
from auffusion.edit.start import check_strength
from auffusion.pipeline.assembly import AssembledModel
from auffusion.pipeline.chain import Chain
from auffusion.pipeline.edited import EditedRecording
from auffusion.pipeline.recording import Sound, as_recording
from auffusion.pipeline.repainting import (
    FADE_S,
    ROUNDS,
    Repaint,
    check_fade,
    guided_by,
    repaint,
    worded,
)


def inpaint(
    model: AssembledModel,
    audio: Sound,
    sample_rate: int,
    prompt: str | None = None,
    *,
    intervals: Sequence[tuple[float, float]] = (),
    boxes: Sequence[tuple[float, float, float, float]] = (),
    strength: float = 1.0,
    fade_s: float = FADE_S,
    rounds: int = ROUNDS,
    negative_prompt: str | None = None,
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    seed: int = 0,
    on_step: StepHook | None = None,
) -> EditedRecording:
    """A recording with parts of it made anew, its own samples elsewhere (paper App. E.3).

    The walk is that of latent blending (diffusers' inpainting with a U-Net of four channels): after
    each step, what is kept is put back under the noise of the next. Then only the regions leave the
    model: they are brought to the recording's rate and level, put into every channel and
    cross-faded within the interval, so that outside of the intervals each sample is the recording's
    own. Of a box, the frequencies outside it are the recording's too, but for filters with edges of
    60 Hz. The model makes nothing above its own half rate, 8 kHz: an interval of a recording of
    44.1 kHz is duller than what lies around it, a box up to 8 kHz leaves what is above.

    Args:
        model: the pipeline.
        audio: samples in [-1, 1], one channel or several, of 0.5 s to 10 minutes.
        sample_rate: their rate in Hz.
        prompt: what to hear in the regions, best with what is around them; None is no text, and
            then there is no guidance.
        intervals: seconds from and to.
        boxes: seconds from and to, Hz from and to.
        strength: 1 begins with noise alone, as in the paper; less keeps an outline of what was
            there.
        fade_s: seconds of each cross-fade; half of the region in a shorter one.
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
        InputError: no region, one that does not lie within the recording, or a recording or number
            that the model cannot take.
    """
    check_strength(strength)
    check_fade(fade_s)
    chain = Chain(model)
    regions = [Region(start_s=start, end_s=end) for start, end in intervals]
    regions += [
        Region(
            start_s=start,
            end_s=end,
            low_hz=low,
            high_hz=high,
        )
        for start, end, low, high in boxes
    ]
    how = Repaint(
        wording=worded(chain, prompt, negative_prompt),
        sampling=chain.sampling(num_inference_steps, guided_by(prompt, guidance_scale)),
        seed=seed,
        rounds=rounds,
        strength=strength,
        fade_s=fade_s,
        on_step=on_step,
    )
    return repaint(chain, as_recording(audio, sample_rate, chain), regions, how)
