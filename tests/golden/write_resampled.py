"""Write `torchaudio_resampled.safetensors`: what torchaudio's two resamplers make of noise.

    python tests/golden/write_resampled.py FOLDER

FOLDER is the unpacked wheel torchaudio 2.11.0. Its compiled half needs a torch of the same version;
the functions, plain Python, are taken out of their file. `functional.resample` builds its kernel in
the sound's float32, `transforms.Resample` lets it be built in float64: here "wide".
"""

import ast
import math
import sys
import warnings
from pathlib import Path
from typing import Optional

import torch
from safetensors.torch import save_file

RATES = [(44_100, 16_000), (48_000, 16_000), (22_050, 16_000), (8_000, 16_000), (44_100, 32_000)]
WANTED = {"_get_sinc_resample_kernel", "_apply_sinc_resample_kernel", "resample"}


def torchaudio_functions(folder):
    text = (folder / "torchaudio/functional/functional.py").read_text()
    tree = ast.parse(text)
    tree.body = [node for node in tree.body if getattr(node, "name", "") in WANTED]
    names = {"torch": torch, "math": math, "warnings": warnings, "Optional": Optional}
    names |= {"Tensor": torch.Tensor, "_CPU": torch.device("cpu")}
    exec(compile(tree, "functional.py", "exec"), names)
    return names


def main():
    functions = torchaudio_functions(Path(sys.argv[1]))
    resample = functions["resample"]
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for old, new in RATES:
        sound = torch.randn(1, 1003, generator=generator)
        tensors[f"{old}-{new} in"] = sound
        tensors[f"{old}-{new} out"] = resample(sound, old, new)
        divisor = math.gcd(old, new)
        kernel, width = functions["_get_sinc_resample_kernel"](old, new, divisor)
        apply = functions["_apply_sinc_resample_kernel"]
        tensors[f"{old}-{new} wide"] = apply(sound, old, new, divisor, kernel, width)
    # Near ten seconds the number of samples is rounded in float32.
    long = torch.zeros(1, 440_005)
    long[:, -300:] = torch.randn(300, generator=generator)
    tensors["long in"] = long[:, -300:].clone()
    tensors["long out"] = resample(long, 44_100, 16_000)[:, -120:].clone()
    tensors["long samples"] = torch.tensor(resample(long, 44_100, 16_000).shape[1])
    save_file(tensors, Path(__file__).with_name("torchaudio_resampled.safetensors"))


if __name__ == "__main__":
    main()
