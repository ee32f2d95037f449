"""Where networks run."""

import torch

from auffusion.errors import InputError


def choose_device(name: str) -> torch.device:
    """The device of that name; "auto" takes CUDA, then MPS, then the CPU.

    Raises:
        InputError: this machine has no such device.
    """
    has = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(device for device in has if has[device]))
    if not has[name]:
        raise InputError(f"--device {name}: this machine has none, or torch was built without it")
    return torch.device(name)
