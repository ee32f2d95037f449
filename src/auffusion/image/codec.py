"""Log-mel to picture and back: the picture that Stable Diffusion's VAE is shown (paper §3.2)."""

from dataclasses import dataclass, field

from auffusion.image.scale import FixedLogRange as FixedLogRange
from auffusion.image.scale import MelScale
from auffusion.shapes import LogMel, SpecImage


@dataclass(frozen=True)
class MelImageCodec:
    """A grey picture in three equal channels, time to the right, the highest band in row 0.

    >>> import torch
    >>> codec = MelImageCodec(FixedLogRange(low=0.0, high=4.0))
    >>> image = codec.encode(torch.tensor([[[0.0], [1.0]]]))  # a low band, a high band
    >>> image.shape, image[0, 0].tolist()
    (torch.Size([1, 3, 2, 1]), [[0.25], [0.0]])
    >>> codec.decode(image).tolist()
    [[[0.0], [1.0]]]
    """

    scale: MelScale = field(default_factory=FixedLogRange)
    """How values become brightness."""

    def encode(self, log_mel: LogMel) -> SpecImage:
        """Picture in [0, 1] of each item."""
        unit = self.scale.to_unit(log_mel.float())
        return unit.flip(-2)[:, None].expand(-1, 3, -1, -1).contiguous()

    def decode(self, image: SpecImage) -> LogMel:
        """Log-mel of each item: the first channel alone, as the published chain reads it.

        Computed in 32 bits whatever the picture's precision: in 16 bits this step alone would
        cost 0.01 of log-mel.
        """
        return self.scale.from_unit(image[:, 0].float().flip(-2))
