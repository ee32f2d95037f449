"""Sound to a stage and back, and the loss on the way."""

from dataclasses import dataclass
from typing import Any

import torch

from auffusion.audio import fit_length
from auffusion.evaluate.spectral import spectral_distance_db
from auffusion.mel import MelSpectrogram, log_mel_error_db, normalise_peak
from auffusion.shapes import LogMel, Waveform


@dataclass(frozen=True, kw_only=True)
class RoundTrip:
    """What came back, and what was lost."""

    waveform: Waveform
    """The sound that came back, as long and as loud as the one that went in."""
    stage_error_db: float
    """Mean absolute difference of the log-mel after the stage, before the vocoder."""
    sound_error_db: float
    """The same between the two sounds."""
    spectral_distance_db: float
    """Log-spectral distance of the two sounds: the root mean square over the frequencies of a
    frame, its mean over the frames."""


@torch.no_grad()
def round_trip(pipeline: Any, waveform: Waveform, stage: str) -> RoundTrip:  # noqa: ANN401
    """Send a sound through `mel`, `image` or `latent` and the vocoder.

    Args:
        pipeline: an `AuffusionPipeline`.
        waveform: one sound at the model's rate.
        stage: how far it goes.
    """
    samples = waveform.shape[-1]
    analyse = MelSpectrogram(pipeline.mel).to(pipeline.device)
    # The model knows sounds at one level only; the loudness is given back at the end.
    level = normalise_peak(waveform.to(pipeline.device))
    canvas = pipeline.canvas
    whole = canvas.columns(samples) * canvas.pixels * pipeline.mel.hop_length
    before = analyse(fit_length(level, max(whole, analyse.config.minimum_samples)))
    after = through_stage(pipeline, before, stage)
    back = pipeline.renderer.speak(after)[:, :samples]
    frames = canvas.frames_of(samples)
    again = analyse(fit_length(back, max(whole, analyse.config.minimum_samples)))
    peak, wanted = level.abs().max().clamp_min(1e-12), waveform.abs().max()
    return RoundTrip(
        waveform=(back.cpu() * (wanted / peak.cpu())),
        stage_error_db=log_mel_error_db(before[..., :frames], after[..., :frames]),
        sound_error_db=log_mel_error_db(before[..., :frames], again[..., :frames]),
        spectral_distance_db=float(spectral_distance_db(level, back).mean()),
    )


def through_stage(pipeline: Any, log_mel: LogMel, stage: str) -> LogMel:  # noqa: ANN401
    """The log-mel after it went to a stage and back."""
    if stage == "mel":
        return log_mel
    image = pipeline.image_codec.encode(log_mel)
    if stage == "latent":
        codec = pipeline.latent_codec
        image = codec.decode(codec.encode(image.clamp(0.0, 1.0), sample=False))
    return pipeline.image_codec.decode(image)
