"""VGGish: the network behind FAD (Hershey et al. 2017, arXiv 1609.09430; Kilgour et al. 2019).

Written from the papers and the facts of https://github.com/harritaylor/torchvggish (f3f9096), whose
file's names and shapes the state dict has. Without PCA and 8-bit rounding, which no published FAD
uses. Three values go under the name of FAD: those of `VggishConfig`.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float64
from torch import Tensor, nn

from auffusion.errors import InputError
from auffusion.evaluate.hearing import AUDIOLDM_EVAL, Hearing
from auffusion.evaluate.htk_mel import htk_triangles
from auffusion.evaluate.inference import OnFirstUse, exact_inference, few_at_a_time, ready
from auffusion.evaluate.weights import FoundWeights
from auffusion.shapes import Waveform
from auffusion.weights import load_strictly, only_tensors, read_state

_RATE, _WINDOW, _HOP, _FFT = 16_000, 400, 160, 512
_BANDS, _LOW_HZ, _HIGH_HZ = 64, 125.0, 7_500.0
_EXAMPLE_FRAMES = 96
_OFFSET = 0.01
# Channels of the convolutions; a pooling follows each group.
_GROUPS = ((64,), (128,), (256, 256), (512, 512))
_MINIMUM = _WINDOW + (_EXAMPLE_FRAMES - 1) * _HOP
_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class VggishConfig:
    """Which of the values called FAD is meant; audioldm_eval's is the default."""

    example_hop: int = _EXAMPLE_FRAMES
    """Frames from one example to the next: 96 in torchvggish, 50 in Google's FAD."""
    last_relu: bool = False
    """Whether the embedding passes its ReLU, as in torchvggish when nobody removes it."""


def log_mel_examples(
    waveform: Waveform, example_hop: int = _EXAMPLE_FRAMES
) -> Float[Tensor, "batch example 96 64"]:
    """Pieces of 0.96 s of a log-mel spectrogram; what is left at the end is dropped.

    Frames are not centred; the arithmetic is in float64, as the original's.

    Args:
        waveform: samples at 16 kHz.
        example_hop: frames from one piece to the next.

    Raises:
        InputError: fewer samples than one piece has.
    """
    if waveform.shape[-1] < _MINIMUM:
        raise InputError(
            f"a sound of {waveform.shape[-1]} samples is too short for VGGish, which needs "
            f"{_MINIMUM}: pad it with silence"
        )
    window = torch.hann_window(_WINDOW, dtype=torch.float64, device=waveform.device)
    frames = waveform.double().unfold(-1, _WINDOW, _HOP) * window
    spectrum = cast("Tensor", torch.fft.rfft(frames, _FFT))
    # A processor's `abs` of complex numbers takes three times as long.
    magnitude = (spectrum.real.square() + spectrum.imag.square()).sqrt()
    log_mel = torch.log(magnitude @ _filters().to(waveform.device) + _OFFSET)
    return log_mel.unfold(1, _EXAMPLE_FRAMES, example_hop).mT.float()


def _filters() -> Float64[Tensor, "bin mel"]:
    filters = htk_triangles(
        sample_rate=_RATE, fft_length=_FFT, bands=_BANDS, low_hz=_LOW_HZ, high_hz=_HIGH_HZ
    )
    filters[0] = 0  # no band hears the mean
    return filters


class Vggish(nn.Module):
    """Examples to embeddings."""

    def __init__(self, *, last_relu: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for group in _GROUPS:
            for after in group:
                layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True)]
                before = after
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        flat = before * (_EXAMPLE_FRAMES >> len(_GROUPS)) * (_BANDS >> len(_GROUPS))
        self.embeddings = nn.Sequential(
            nn.Linear(flat, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 128)
        )
        self._last_relu = last_relu

    def forward(self, examples: Float[Tensor, "example 96 64"]) -> Float[Tensor, "example 128"]:
        """Embeddings, before or after the last ReLU."""
        widest = _GROUPS[0][0] * examples[0].numel()
        maps = few_at_a_time(self.features, examples[:, None], widest)
        # The weights come from TensorFlow, where channels are the last dimension.
        embedding = self.embeddings(maps.permute(0, 2, 3, 1).flatten(1))
        return F.relu(embedding) if self._last_relu else embedding


def load_vggish(path: Path, config: VggishConfig, device: str = "cpu") -> Vggish:
    """The network of the published file.

    Raises:
        InputError: the file is damaged or holds another network.
    """
    network = Vggish(last_relu=config.last_relu)
    load_strictly(
        network,
        only_tensors(read_state(path), path),
        complaint=f"{path} does not fit VGGish",
        advice="fetch the file again",
    )
    return ready(network, device)


class VggishExtractor:
    """`embedding` [batch, example, 128] of each sound.

    Args:
        name: in the table.
        found: the published weights.
        config: which of the values is meant.
        hearing: what is heard of a sound, at 16 kHz.
        device: where the network runs.
    """

    def __init__(
        self,
        name: str,
        found: FoundWeights,
        config: VggishConfig,
        *,
        hearing: Hearing = AUDIOLDM_EVAL,
        device: str = "cpu",
    ) -> None:
        self.name, self.weights = name, found.sha256
        self.front_end = f"vggish/{_VERSION} {config}"
        self.hearing = hearing
        self.dimensions = {"embedding": 128}
        self._hop = config.example_hop
        self._device = device
        self._network = OnFirstUse(partial(load_vggish, found.path, config, device))

    @exact_inference()
    def __call__(self, waveform: Waveform) -> dict[str, Tensor]:
        """See `FeatureExtractor`."""
        examples = log_mel_examples(waveform.to(self._device), self._hop)
        embedding = self._network()(examples.flatten(0, 1))
        return {"embedding": embedding.unflatten(0, examples.shape[:2]).cpu()}
