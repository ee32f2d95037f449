"""Sample rates that are taken for real, and lengths at another rate."""

from auffusion.errors import InputError

LOWEST_RATE, HIGHEST_RATE = 1_000, 384_000
"""The sample rates that are taken for real, in Hz."""


def check_rate(rate: int, source: str = "the sound") -> None:
    """Refuse a sample rate that no sound has.

    Raises:
        InputError: a rate outside 1-384 kHz; the sentence begins with `source`.
    """
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise InputError(
            f"{source} has a sample rate of {rate} Hz, expected {LOWEST_RATE} to {HIGHEST_RATE} Hz"
        )


def resampled_length(samples: int, source_rate: int, target_rate: int) -> int:
    """How many samples a sound has at another rate: the nearest whole number, and at least one.

    >>> resampled_length(44_100, 44_100, 16_000), resampled_length(1, 384_000, 16_000)
    (16000, 1)
    """
    return max(1, (2 * samples * target_rate + source_rate) // (2 * source_rate))
