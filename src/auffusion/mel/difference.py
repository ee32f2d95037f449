"""How far two log-mels are apart, in decibels."""

import math

from auffusion.shapes import LogMel

DB_A_NEPER = 20.0 / math.log(10.0)
"""A log-mel is the natural logarithm of a magnitude."""


def log_mel_error_db(before: LogMel, after: LogMel) -> float:
    """Mean absolute difference of two log-mels in dB.

    >>> import torch
    >>> ten = math.log(10.0)  # a factor of 10 in magnitude is 20 dB
    >>> round(log_mel_error_db(torch.zeros(1, 2, 3), torch.full((1, 2, 3), ten)), 4)
    20.0
    """
    return float((before - after).abs().mean() * DB_A_NEPER)
