"""Distances of spectra: for pairs that should be the same sound, as after a vocoder or a VAE.

Conventions
-----------
Waveforms [batch time] of one length and rate, item k of the one belonging to item k of the other.
A distance is one number an item. They are of no use for generated sounds, which are not to repeat
their reference sample by sample.

Metrics
-------
* `spectral_distance_db`: root mean square over frequency of the difference of levels in dB, mean
  over frames; what lies below -100 dB of full scale is taken for silence.
* `log_spectral_distance`: the LSD of ssr_eval and audioldm_eval, in powers of ten of a power: mean
  over frames of √(mean over frequency of (log₁₀(T² / E²))²), for T the reference and E the other
  (https://github.com/haoheliu/ssr_eval). Its transform has ⌊2048 / (44100 / 16000)⌋ = 743 points
  and a hop of 160.
* `multi_resolution_distance`: spectral convergence and log-magnitude distance over five
  transforms, as in the vocoder's training (arXiv 1910.11480, Eqs. 4-6).
* `aligned`: what audioldm_eval does to both sides before its LSD.
"""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from auffusion.errors import InputError
from auffusion.evaluate.rows import Values
from auffusion.shapes import Waveform
from auffusion.vocoder.losses import MultiResolutionStft

Other = Float[Tensor, "_ _"]
"""The second sound, before it is known to be as long as the first."""
SKIPPED = 7 * 160
"""Samples that audioldm_eval drops at the start of generated sounds: HiFi-GAN's seven frames."""

_LENGTH, _FLOOR = 2048, 1e-5  # -100 dB: what lies below is not heard
_LSD_LENGTH, _LSD_HOP, _LSD_EPSILON = 743, 160, 1e-12


def validate(reference: Waveform, generated: Other) -> None:
    """Refuse what is no pair of sounds.

    Raises:
        InputError: different shapes, no samples, NaN or infinite ones.
    """
    if reference.shape != generated.shape or not reference.numel():
        raise InputError(
            f"sounds of shape {tuple(reference.shape)} and {tuple(generated.shape)} are no pairs: "
            "cut both to one length first"
        )
    if not bool(torch.isfinite(reference).all() and torch.isfinite(generated).all()):
        raise InputError("a sound holds NaN or infinite samples, which have no spectrum")


def spectral_distance_db(reference: Waveform, generated: Other) -> Values:
    """Distance of levels in dB.

    >>> tone = torch.sin(torch.arange(16_000) / 5)[None]
    >>> spectral_distance_db(tone, tone).tolist()
    [0.0]

    Raises:
        InputError: as for `validate`.
    """
    validate(reference, generated)
    levels = [
        20.0 * torch.log10(_magnitude(one, _LENGTH, _LENGTH // 4, "reflect").clamp_min(_FLOOR))
        for one in (reference, generated)
    ]
    return _root_mean_square(levels[0] - levels[1])


def log_spectral_distance(reference: Waveform, generated: Other) -> Values:
    """The LSD of ssr_eval and audioldm_eval, at 16 kHz.

    A frame that is zero in both sounds counts as 12, as there: the formula divides by nothing.

    Raises:
        InputError: as for `validate`, or a sound is silent throughout.
    """
    validate(reference, generated)
    if not bool(reference.any(dim=-1).all() and generated.any(dim=-1).all()):
        raise InputError("a silent sound has no log-spectral distance: take spectral_distance_db")
    target, estimate = (
        # Zeros beyond the ends, as librosa has had them since 0.10.
        _magnitude(one.double(), _LSD_LENGTH, _LSD_HOP, "constant")
        for one in (reference, generated)
    )
    ratio = target.square() / (estimate + _LSD_EPSILON).square() + _LSD_EPSILON
    return _root_mean_square(torch.log10(ratio))


def multi_resolution_distance(reference: Waveform, generated: Other) -> Values:
    """Distance of several resolutions.

    Raises:
        InputError: as for `validate`.
    """
    validate(reference, generated)
    distance = MultiResolutionStft()
    shortest = max(distance.lengths)
    pairs = zip(_at_least(generated, shortest), _at_least(reference, shortest), strict=True)
    return np.array([float(distance(one[None], other[None])) for one, other in pairs], np.float64)


def aligned(reference: Waveform, generated: Other, skip: int = SKIPPED) -> tuple[Tensor, Tensor]:
    """One pair as audioldm_eval compares it.

    The first samples of the generated sound are dropped, both lose their mean, are brought to a
    peak of one and cut to the shorter.

    Raises:
        InputError: nothing is left, or a sound is silent, which has no peak.
    """
    cut = min(reference.shape[-1], generated.shape[-1] - skip)
    if cut < 1:
        raise InputError(f"a sound of {generated.shape[-1]} samples is too short to drop {skip}")
    sounds = [one - one.mean(dim=-1, keepdim=True) for one in (reference, generated[:, skip:])]
    peaks = [one.abs().amax(dim=-1, keepdim=True) for one in sounds]
    if not all(bool(peak.all()) for peak in peaks):
        raise InputError("a silent sound has no peak to be scaled by: take spectral_distance_db")
    ours, theirs = (one / peak for one, peak in zip(sounds, peaks, strict=True))
    return ours[:, :cut], theirs[:, :cut]


def _magnitude(waveform: Waveform, length: int, hop: int, beyond: str) -> Tensor:
    waveform = _at_least(waveform, length)
    window = torch.hann_window(length, device=waveform.device, dtype=waveform.dtype)
    return torch.stft(
        waveform, length, hop, window=window, return_complex=True, pad_mode=beyond
    ).abs()


def _at_least(waveform: Waveform, samples: int) -> Float[Tensor, "batch samples"]:
    return F.pad(waveform, (0, max(0, samples - waveform.shape[-1])))


def _root_mean_square(apart: Tensor) -> Values:
    """Over frequency, and its mean over the frames."""
    return apart.square().mean(dim=1).sqrt().mean(dim=-1).double().cpu().numpy()
