"""Spectrogram picture to latent and back: `AutoencoderKL` with its ranges made explicit."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from auffusion.errors import InputError
from auffusion.latent.windows import average_windows
from auffusion.shapes import Latent, SpecImage

# Rounding may leave [0, 1] by a little; a picture in [-1, 1] or [0, 255] by a lot.
_RANGE_TOLERANCE = 1e-3


class LatentCodec:
    """Pictures in [0, 1] to latents of about unit variance, and back (paper §3.2).

    Items pass the network one by one (`slicing`), which bounds the memory and changes nothing
    else. Latents wider than `window` columns are encoded and decoded in windows that overlap by
    `overlap` columns and are cross-faded, posterior or picture; others pass whole.

    Args:
        vae: a diffusers `AutoencoderKL`, or another with its interface and a
            `spatial_compression_ratio`.
        window: widest latent that passes in one piece, in latent columns.
        overlap: latent columns that neighbouring windows share at least; a quarter of the window
            if not given.
        slicing: one item at a time rather than the batch at once.
        device: where the network computes, which an offloaded one does not say itself; that of its
            weights if not given.
    """

    def __init__(
        self,
        vae: Any,  # noqa: ANN401
        *,
        window: int = 256,
        overlap: int | None = None,
        slicing: bool = True,
        device: torch.device | None = None,
    ) -> None:
        self.vae = vae
        self.window = window
        self.overlap = window // 4 if overlap is None else overlap
        self.slicing = slicing
        self.device = device

    @property
    def scale_factor(self) -> int:
        """Picture rows and columns to one latent row and column."""
        ratio: int | None = getattr(self.vae, "spatial_compression_ratio", None)
        # An `AutoencoderKL` does not say; it halves between its levels.
        return 2 ** (len(self.vae.config.block_out_channels) - 1) if ratio is None else ratio

    @property
    def scaling_factor(self) -> float:
        """What the posterior is multiplied by, so that latents have about unit variance."""
        return float(self.vae.config.scaling_factor)

    @torch.no_grad()
    def encode(
        self,
        image: SpecImage,
        *,
        generators: Sequence[torch.Generator] | None = None,
        sample: bool | None = None,
    ) -> Latent:
        """Latents of pictures.

        Args:
            image: pictures in [0, 1], sides divisible by `scale_factor`.
            generators: one an item; the posterior is then sampled with them.
            sample: False takes the posterior's mean although there are generators. Without
                generators the mean is taken.

        Raises:
            InputError: a picture out of range or of a size the network cannot halve, or sampling
                without a generator for each item.
        """
        self._check(image)
        drawn = generators is not None if sample is None else sample
        if drawn and (generators is None or len(generators) != len(image)):
            given = 0 if generators is None else len(generators)
            raise InputError(
                f"sampling the posterior of {len(image)} pictures needs as many random "
                f"generators, {given} were given: pass one an item or sample=False"
            )
        sources = list(generators) if generators is not None and drawn else None
        size = 1 if self.slicing else len(image)
        parts = [
            self._encode(image[i : i + size], sources[i : i + size] if sources else None)
            for i in range(0, len(image), size)
        ]
        return torch.cat(parts)

    @torch.no_grad()
    def moments(self, image: SpecImage) -> Float[Tensor, "batch 2 channel height width"]:
        """Mean and standard deviation of the posterior of each picture, not scaled.

        Raises:
            InputError: as `encode`.
        """
        self._check(image)
        size = 1 if self.slicing else len(image)
        return torch.cat([self._moments(image[i : i + size]) for i in range(0, len(image), size)])

    @torch.no_grad()
    def decode(self, latent: Latent) -> SpecImage:
        """Pictures in [0, 1] of latents; both sides `scale_factor` times as long."""
        size = 1 if self.slicing else len(latent)
        parts = [self._decode(latent[i : i + size]) for i in range(0, len(latent), size)]
        return torch.cat(parts)

    def _encode(self, image: SpecImage, generators: list[torch.Generator] | None) -> Latent:
        mean, deviation = self._moments(image).unbind(dim=1)
        if generators is not None:
            # As diffusers' posterior draws, in the network's precision.
            shape, dtype = (1, *mean.shape[1:]), mean.dtype
            drawn = [
                torch.randn(shape, generator=one, device=one.device, dtype=dtype).to(mean.device)
                for one in generators
            ]
            mean = mean + deviation * torch.cat(drawn)
        return mean * self.scaling_factor

    def _moments(self, image: SpecImage) -> Float[Tensor, "batch 2 channel height width"]:
        """Mean and deviation of the posterior of each picture."""
        # A latent column for each of so many pixels, which stand in an axis of their own.
        batch, channels, height, _ = image.shape
        columns = (image * 2 - 1).reshape(batch, channels, height, -1, self.scale_factor)
        return average_windows(
            self._moments_window, columns.movedim(-1, -2), window=self.window, overlap=self.overlap
        )

    def _moments_window(
        self, columns: Float[Tensor, "batch 3 mel pixel column"]
    ) -> Float[Tensor, "batch 2 channel height column"]:
        pixels = columns.movedim(-1, -2).flatten(-2)
        posterior = self.vae.encode(self._placed(pixels)).latent_dist
        return torch.stack([posterior.mean, posterior.std], dim=1)

    def _decode(self, latent: Latent) -> SpecImage:
        return average_windows(
            self._decode_window,
            latent,
            window=self.window,
            overlap=self.overlap,
            scale=self.scale_factor,
        )

    def _decode_window(self, latent: Latent) -> SpecImage:
        scaled = self._placed(latent) / self.scaling_factor
        # Left in half precision, the clamped picture would lose 0.01 in log-mel.
        return (self.vae.decode(scaled).sample.float() / 2 + 0.5).clamp(0, 1)

    def _placed(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(device=self.device or self.vae.device, dtype=self.vae.dtype)

    def _check(self, image: SpecImage) -> None:
        height, width = image.shape[-2:]
        if height % self.scale_factor or width % self.scale_factor:
            raise InputError(
                f"a picture of {height}x{width} cannot be encoded: both sides must be multiples "
                f"of {self.scale_factor}, pad it with 0 (silence)"
            )
        lowest, highest = image.amin().item(), image.amax().item()
        # Written so that NaN fails too.
        if not (lowest >= -_RANGE_TOLERANCE and highest <= 1 + _RANGE_TOLERANCE):
            raise InputError(
                f"pictures must lie in [0, 1], these reach from {lowest:.3g} to {highest:.3g}: "
                "encode them with MelImageCodec"
            )
