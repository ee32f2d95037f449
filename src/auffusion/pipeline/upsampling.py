"""Audio super-resolution: the high bands that a telephone, a tape or a low rate took away."""

from auffusion.audio import resample
from auffusion.audio.bandwidth import find_cutoff
from auffusion.denoise import StepHook
from auffusion.edit.paste import EDGE_HZ
from auffusion.edit.region import Region
from auffusion.errors import InputError
from auffusion.pipeline.assembly import AssembledModel
from auffusion.pipeline.chain import Chain
from auffusion.pipeline.edited import EditedRecording
from auffusion.pipeline.recording import Recording, Sound, as_channels, as_recording
from auffusion.pipeline.repainting import ROUNDS, Repaint, guided_by, repaint, worded

_LOWEST_HZ = 500.0
_NOTHING_MISSING = 0.85  # of the model's band: the edge that resampling leaves is no cutoff


def upsample(
    model: AssembledModel,
    audio: Sound,
    sample_rate: int,
    prompt: str | None = None,
    *,
    cutoff_hz: float | None = None,
    rounds: int = ROUNDS,
    negative_prompt: str | None = None,
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    seed: int = 0,
    on_step: StepHook | None = None,
) -> EditedRecording:
    """A band-limited recording with sound above its cutoff, up to the model's 8 kHz.

    The bands above the cutoff are inpainted (`inpaint`) over the whole length, the model hearing
    those below. They are added by a filter whose edge of 60 Hz lies above the cutoff: what is
    below stays as it is (but for rounding), and so does what a recording may have above 8 kHz. A
    recording of a rate below the model's comes back at the model's rate.

    Args:
        model: the pipeline.
        audio: samples in [-1, 1], one channel or several, of 0.5 s to 10 minutes.
        sample_rate: their rate in Hz.
        prompt: what the recording is of; None is no text, and then there is no guidance.
        cutoff_hz: up to where the recording has sound; None finds it in its spectrum
            (`auffusion.audio.bandwidth.find_cutoff`).
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
        InputError: no cutoff is found, one out of range, or a recording or number that the model
            cannot take.
    """
    chain = Chain(model)
    channels, model_rate = as_channels(audio), chain.model.mel.sample_rate
    if sample_rate < model_rate:
        channels = resample(channels, sample_rate, model_rate)
    rate = max(sample_rate, model_rate)
    recording = as_recording(channels, rate, chain)
    cutoff = missing_above(chain, recording) if cutoff_hz is None else cutoff_hz
    top = chain.model.mel.high_hz
    if not _LOWEST_HZ <= cutoff <= top - 2 * EDGE_HZ:
        raise InputError(
            f"a cutoff of {cutoff:g} Hz is out of range: expected {_LOWEST_HZ:g} to "
            f"{top - 2 * EDGE_HZ:g} Hz"
        )
    region = Region(
        start_s=0.0,
        end_s=recording.seconds,
        low_hz=cutoff + EDGE_HZ / 2,
        high_hz=top,
    )
    how = Repaint(
        wording=worded(chain, prompt, negative_prompt),
        sampling=chain.sampling(num_inference_steps, guided_by(prompt, guidance_scale)),
        seed=seed,
        rounds=rounds,
        on_step=on_step,
    )
    return repaint(chain, recording, [region], how)


def missing_above(chain: Chain, recording: Recording) -> float:
    """The frequency in Hz above which a recording lacks bands that the model has.

    Raises:
        InputError: it lacks none, or none that can be found.
    """
    cutoff, top = (
        find_cutoff(recording.waveform, chain.model.mel.sample_rate),
        chain.model.mel.high_hz,
    )
    if cutoff > _NOTHING_MISSING * top:
        raise InputError(
            f"the recording has sound up to {cutoff:g} Hz of the {top:g} Hz that the model makes: "
            "nothing is missing, or say with cutoff_hz above which frequency"
        )
    return cutoff
