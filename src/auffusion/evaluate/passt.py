"""PaSST: the transformer behind many papers' FD, KL and IS (Koutini et al. 2022, arXiv 2110.05069).

Written from the paper and the facts of https://github.com/kkoutini/passt_hear21 (Apache-2.0), whose
`passt_s_swa_p16_128_ap476` it is: names and shapes of the state dict are those of the published
`passt-s-f128-p16-s10-ap.476-swa.pt`. As everywhere in evaluation, nothing is masked or dropped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from auffusion.errors import InputError
from auffusion.evaluate.hearing import Hearing
from auffusion.evaluate.htk_mel import htk_triangles
from auffusion.evaluate.inference import OnFirstUse, exact_inference, ready
from auffusion.evaluate.weights import FoundWeights
from auffusion.shapes import Waveform
from auffusion.weights import load_strictly, only_tensors, read_state

_RATE, _SAMPLES = 32_000, 320_000
_WINDOW, _HOP, _FFT = 800, 320, 1024
_BANDS, _HIGHEST_HZ = 128, 15_000.0
_PREEMPHASIS = -0.97
_PATCH, _STRIDE = 16, 10
_ROWS = (_BANDS - _PATCH) // _STRIDE + 1
_COLUMNS = 99
_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class PasstConfig:
    """Sizes of the transformer; those of PaSST-S by default."""

    width: int = 768
    """Features of a token, and of the embedding."""
    depth: int = 12
    """Blocks."""
    heads: int = 12
    """Of each block's attention."""
    classes: int = 527
    """Of AudioSet."""


PASST_S = PasstConfig()


def log_mel(waveform: Waveform) -> Float[Tensor, "batch 128 frame"]:
    """The spectrogram that PaSST sees: pre-emphasis, 128 bands to 15 kHz, about [-1.4, 1].

    Args:
        waveform: samples at 32 kHz.
    """
    emphasised = waveform[:, 1:] + _PREEMPHASIS * waveform[:, :-1]
    spectrum = torch.stft(
        emphasised,
        _FFT,
        _HOP,
        _WINDOW,
        torch.hann_window(_WINDOW, periodic=False, device=waveform.device),
        return_complex=True,
    )
    power = spectrum.real.square() + spectrum.imag.square()
    filters = htk_triangles(
        sample_rate=_RATE, fft_length=_FFT, bands=_BANDS, low_hz=0.0, high_hz=_HIGHEST_HZ
    )
    mel = filters.T.to(power) @ power
    return (torch.log(mel + 1e-5) + 4.5) / 5.0


class _Attention(nn.Module):
    def __init__(self, config: PasstConfig) -> None:
        super().__init__()
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.proj = nn.Linear(config.width, config.width)
        self._heads = config.heads

    def forward(
        self, tokens: Float[Tensor, "batch token width"]
    ) -> Float[Tensor, "batch token width"]:
        split = self.qkv(tokens).unflatten(-1, (3, self._heads, -1))
        query, key, value = split.permute(2, 0, 3, 1, 4)
        heard = F.scaled_dot_product_attention(query, key, value)
        return self.proj(heard.transpose(1, 2).flatten(2))


class _Block(nn.Module):
    def __init__(self, config: PasstConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width, eps=1e-6)
        self.attn = _Attention(config)
        self.norm2 = nn.LayerNorm(config.width, eps=1e-6)
        self.mlp = nn.ModuleDict(
            {
                "fc1": nn.Linear(config.width, 4 * config.width),
                "fc2": nn.Linear(4 * config.width, config.width),
            }
        )

    def forward(
        self, tokens: Float[Tensor, "batch token width"]
    ) -> Float[Tensor, "batch token width"]:
        tokens = tokens + self.attn(self.norm1(tokens))
        return tokens + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(tokens))))


class Passt(nn.Module):
    """Spectrograms of ten seconds to features and logits."""

    def __init__(self, config: PasstConfig = PASST_S) -> None:
        super().__init__()
        width = config.width
        self.cls_token, self.dist_token = (nn.Parameter(torch.zeros(1, 1, width)) for _ in "cd")
        self.new_pos_embed = nn.Parameter(torch.zeros(1, 2, width))
        self.freq_new_pos_embed = nn.Parameter(torch.zeros(1, width, _ROWS, 1))
        self.time_new_pos_embed = nn.Parameter(torch.zeros(1, width, 1, _COLUMNS))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(1, width, _PATCH, stride=_STRIDE)})
        self.blocks = nn.Sequential(*(_Block(config) for _ in range(config.depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, config.classes))
        # Of the published file; evaluation uses the other head alone.
        self.head_dist = nn.Linear(width, config.classes)

    def forward(
        self, spectrogram: Float[Tensor, "batch 128 frame"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch class"]]:
        """Features, the mean of the two leading tokens, and logits before any activation."""
        patches = self.patch_embed["proj"](spectrogram[:, None])
        time = self.time_new_pos_embed[..., : patches.shape[-1]]
        patches = (patches + time + self.freq_new_pos_embed).flatten(2).mT
        leading = torch.cat([self.cls_token, self.dist_token], dim=1) + self.new_pos_embed
        tokens = torch.cat([leading.expand(len(patches), -1, -1), patches], dim=1)
        features = self.norm(self.blocks(tokens))[:, :2].mean(dim=1)
        return features, self.head(features)


def load_passt(path: Path, config: PasstConfig = PASST_S, device: str = "cpu") -> Passt:
    """The network of the published file.

    Raises:
        InputError: the file is damaged or holds another network.
    """
    content: Any = read_state(path)
    state = only_tensors(cast("Mapping[str, Any]", content.get("model", content)), path)
    network = Passt(config)
    load_strictly(
        network, state, complaint=f"{path} does not fit PaSST-S", advice="fetch the file again"
    )
    return ready(network, device)


class PasstExtractor:
    """`embedding` [batch, 768] and `logits` [batch, 527] of each sound.

    Args:
        name: in the table.
        found: the published weights.
        hearing: what is heard of a sound; at 32 kHz, and ten seconds.
        config: sizes of the network.
        device: where it runs.
    """

    def __init__(
        self,
        name: str,
        found: FoundWeights,
        hearing: Hearing,
        config: PasstConfig = PASST_S,
        *,
        device: str = "cpu",
    ) -> None:
        if hearing.sample_rate != _RATE or hearing.shortest != _SAMPLES:
            raise InputError(
                f"PaSST hears {_SAMPLES} samples at {_RATE} Hz, not {hearing.shortest} at "
                f"{hearing.sample_rate} Hz: prepare sounds so"
            )
        self.name, self.weights = name, found.sha256
        self.front_end = f"passt/{_VERSION} {config}"
        self.hearing = hearing
        self.dimensions = {"embedding": config.width, "logits": config.classes}
        self._device = device
        self._network = OnFirstUse(partial(load_passt, found.path, config, device))

    @exact_inference()
    def __call__(self, waveform: Waveform) -> dict[str, Tensor]:
        """See `FeatureExtractor`."""
        spectrogram = log_mel(waveform[:, :_SAMPLES].to(self._device))
        embedding, logits = self._network()(spectrogram)
        return {"embedding": embedding.cpu(), "logits": logits.cpu()}
