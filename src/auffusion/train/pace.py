"""How fast a run is: examples and operations a second, and how much of the device it uses.

Dense figures of the makers' data sheets (https://resources.nvidia.com/en-us-tensor-core,
https://www.nvidia.com/en-us/data-center/), in TFLOP/s: 16-bit numbers on tensor cores summed in 32
bits, and 32-bit numbers without them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch

PEAKS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "B200": (2250.0, 80.0),
        "H200": (989.4, 66.9),
        "H100 PCIe": (756.5, 51.2),
        "H100": (989.4, 66.9),
        "A100": (311.9, 19.5),
        "L40S": (362.1, 91.6),
        "RTX A6000": (154.8, 38.7),
        "V100": (125.0, 15.7),
        "T4": (65.1, 8.1),
        "RTX 4090": (165.2, 82.6),
        "RTX 3090": (71.2, 35.6),
    }
)
"""Part of the device's name, longer names first: 16-bit and 32-bit TFLOP/s."""


def peak_flops(device_name: str, precision: str) -> float | None:
    """FLOP/s that a device reaches at most; None where the table does not know it.

    >>> peak_flops("NVIDIA H100 80GB HBM3", "bfloat16")
    989400000000000.0
    >>> peak_flops("a processor", "float32") is None
    True
    """
    for name, (half, full) in PEAKS.items():
        if name in device_name:
            return 1e12 * (full if precision == "float32" else half)
    return None


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What a step's duration says."""

    batch: int
    """Examples of a step, over all processes."""
    flops: float
    """Operations of an example, forward and backward."""
    peak: float
    """What all devices compute at most in a second; 0 where nobody knows."""

    def of(self, seconds: float) -> dict[str, float]:
        """Examples and operations a second and, where the peak is known, MFU: their share of it.

        >>> Pace(batch=4, flops=1e12, peak=1e13).of(2.0)
        {'examples_per_s': 2.0, 'flops': 2000000000000.0, 'mfu': 0.2}
        """
        speed = self.batch / seconds
        told = {"examples_per_s": speed, "flops": speed * self.flops}
        return told | ({"mfu": told["flops"] / self.peak} if self.peak else {})


def device_peak(device: torch.device, precision: str) -> float:
    """FLOP/s that a device of this machine reaches at most; 0 where nobody knows."""
    if device.type != "cuda":
        return 0.0
    return peak_flops(torch.cuda.get_device_name(device), precision) or 0.0
