"""What HiFi-GAN's generator looks like, read from the `config.json` beside its weights."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, cast

from auffusion.errors import InputError
from auffusion.mel import MelConfig


@dataclass(frozen=True, kw_only=True)
class HifiGanConfig:
    """Shape of the generator; field names are the keys of the published `config.json`.

    The defaults make about 13.7 M parameters, the size of the published file.
    """

    num_mels: int = 256
    """Mel bands of the input."""
    upsample_initial_channel: int = 512
    """Channels before the first upsampling; each stage halves them."""
    upsample_rates: tuple[int, ...] = (5, 4, 4, 2)
    """Factor of each stage; together the samples a frame gives."""
    upsample_kernel_sizes: tuple[int, ...] = (11, 8, 8, 4)
    """Width of each stage's transposed convolution."""
    resblock: str = "1"
    """The string "1" chooses the residual block with two convolutions a step, any other the
    one with a single convolution."""
    resblock_kernel_sizes: tuple[int, ...] = (3, 7, 11)
    """Widths of the residual blocks that are averaged after each upsampling."""
    resblock_dilation_sizes: tuple[tuple[int, ...], ...] = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    """Dilations within each residual block: the first three count, or two for the single kind."""

    def __post_init__(self) -> None:
        if len(self.upsample_rates) != len(self.upsample_kernel_sizes):
            raise InputError(
                f"upsample_rates {self.upsample_rates} and upsample_kernel_sizes "
                f"{self.upsample_kernel_sizes} of the vocoder must be of the same number"
            )
        for rate, kernel in zip(self.upsample_rates, self.upsample_kernel_sizes, strict=True):
            # A rate of 1 has no room for the extra sample that an odd difference needs.
            if rate < 1 or kernel < rate or (rate == 1 and kernel % 2 == 0):
                raise InputError(
                    f"a vocoder stage cannot upsample by {rate} with a kernel of {kernel}: "
                    "the kernel must not be narrower than the rate, and be odd at rate 1"
                )
        if self.num_mels < 1 or self.upsample_initial_channel < 2 ** len(self.upsample_rates):
            raise InputError(
                f"num_mels {self.num_mels} must be positive, and upsample_initial_channel "
                f"{self.upsample_initial_channel} survive {len(self.upsample_rates)} halvings"
            )
        self._check_blocks()

    def _check_blocks(self) -> None:
        kernels, dilations = self.resblock_kernel_sizes, self.resblock_dilation_sizes
        if (
            not kernels
            or len(kernels) != len(dilations)
            or any(k < 1 or k % 2 == 0 for k in kernels)
        ):
            raise InputError(
                f"resblock_kernel_sizes {kernels} of the vocoder must be odd, and as many as "
                f"resblock_dilation_sizes {dilations}"
            )
        if any(len(d) < self.block_steps or min(d) < 1 for d in dilations):
            raise InputError(
                f"each of resblock_dilation_sizes {dilations} of the vocoder must hold at least "
                f"{self.block_steps} positive dilations for resblock {self.resblock!r}"
            )

    @property
    def block_steps(self) -> int:
        """Residual steps in a block."""
        return 3 if self.resblock == "1" else 2

    @property
    def hop_length(self) -> int:
        """Samples a frame gives."""
        return math.prod(self.upsample_rates)

    @classmethod
    def from_dict(cls, config: Mapping[str, Any]) -> "HifiGanConfig":
        """The part of a published `config.json` that shapes the generator; the rest is ignored.

        Raises:
            InputError: a key is missing, or its value is not of the kind it must be.
        """
        missing = [field.name for field in fields(cls) if field.name not in config]
        if missing:
            raise InputError(
                f"the vocoder's config lacks {', '.join(missing)}: "
                "use the config.json that was saved with the weights"
            )
        return cls(
            # Anything but the string "1" means the other block, the number 1 included.
            resblock="1" if config["resblock"] == "1" else "2",
            num_mels=_integer(config, "num_mels"),
            upsample_initial_channel=_integer(config, "upsample_initial_channel"),
            upsample_rates=_integers(config, "upsample_rates"),
            upsample_kernel_sizes=_integers(config, "upsample_kernel_sizes"),
            resblock_kernel_sizes=_integers(config, "resblock_kernel_sizes"),
            resblock_dilation_sizes=_rows(config, "resblock_dilation_sizes"),
        )

    def check_front_end(self, mel: MelConfig) -> None:
        """Refuse a front-end that this vocoder does not speak the language of.

        Raises:
            InputError: the bands differ, or the samples a frame.
        """
        if self.num_mels != mel.bands:
            raise InputError(
                f"the vocoder reads {self.num_mels} mel bands and the front-end makes {mel.bands}: "
                "use the vocoder that belongs to the model"
            )
        if self.hop_length != mel.hop_length:
            raise InputError(
                f"the vocoder's upsample_rates {self.upsample_rates} give {self.hop_length} "
                f"samples a frame and the front-end takes {mel.hop_length}: "
                "use the vocoder that belongs to the model"
            )


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _wrong(config: Mapping[str, Any], key: str, kind: str) -> InputError:
    return InputError(f"{key!r} of the vocoder's config must be {kind}, not {config[key]!r}")


def _integer(config: Mapping[str, Any], key: str) -> int:
    if not _is_integer(config[key]):
        raise _wrong(config, key, "a whole number")
    return config[key]


def _integers(config: Mapping[str, Any], key: str) -> tuple[int, ...]:
    if not _is_integers(config[key]):
        raise _wrong(config, key, "a list of whole numbers")
    return tuple(config[key])


def _rows(config: Mapping[str, Any], key: str) -> tuple[tuple[int, ...], ...]:
    rows = config[key]
    if not isinstance(rows, list | tuple) or not all(map(_is_integers, cast("list[Any]", rows))):
        raise _wrong(config, key, "a list of lists of whole numbers")
    return tuple(tuple(row) for row in cast("list[list[int]]", rows))


def _is_integers(value: object) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_integer, cast("list[Any]", value)))
