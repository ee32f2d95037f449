"""How loud a model's sound is beside the picture it was made of, and beside a recording.

Vocoders find phases of their own, and with them peaks that the picture did not ask for; what would
exceed full scale is brought down as a whole (`auffusion.pipeline.components`). So a sound may be
far quieter than its picture, with the embedded model by 14 dB on a gunshot.
"""

from jaxtyping import Float
from torch import Tensor

from auffusion.mel import MelConfig, MelSpectrogram
from auffusion.shapes import LogMel, Waveform

_MOST = 8.0  # 18 dB: what is further off is silence, of which nothing can be told
_SILENCE = 1e-6

Level = Float[Tensor, "batch 1"]


def level(sound: Waveform) -> Level:
    """Root mean square of each sound."""
    return sound.float().square().mean(dim=-1, keepdim=True).sqrt()


def lost_in_speaking(spoken: Waveform, picture: LogMel, config: MelConfig) -> Level:
    """What a sound must be multiplied by to have the power of its picture.

    Args:
        spoken: the vocoder's sounds.
        picture: the log-mels of which they were made.
        config: the front-end.
    """
    heard = MelSpectrogram(config).to(spoken.device)(spoken)
    frames = min(heard.shape[-1], picture.shape[-1])
    asked, came = (
        (2.0 * one[..., :frames].double()).exp().sum(dim=(-2, -1)) for one in (picture, heard)
    )
    return (asked / came).sqrt().clamp(1 / _MOST, _MOST).float()[:, None]


def as_loud_as(sound: Waveform, wanted: Float[Tensor, "1 sample"]) -> Waveform:
    """Each sound at the level of another, quieter where its peaks would exceed full scale.

    >>> import torch
    >>> loud = as_loud_as(torch.tensor([[0.1, -0.1], [0.0, 0.1]]), torch.tensor([[0.5, -0.5]]))
    >>> [[round(sample, 3) for sample in sound] for sound in loud.tolist()]
    [[0.5, -0.5], [0.0, 0.707]]
    """
    scaled = sound * (level(wanted) / level(sound).clamp_min(_SILENCE))
    return scaled / scaled.abs().amax(dim=-1, keepdim=True).clamp_min(1.0)
