"""The sound-effects network of the package aisfx: trained weights that a package index has.

X-Sequential-CE of "Representation Learning for the Automatic Indexing of Sound Effects Libraries"
(Ma, Hawley, Baek, Lee; ISMIR 2022, arXiv 2208.09096), weights CC BY 4.0. `pip install --no-deps
aisfx==0.1.2` brings them (its dependencies are versions of 2022, and none is needed; `--target
FOLDER` with `PYTHONPATH=FOLDER` does as well). The package is not imported, and its AGPL front-end
not used: this one is written from what the paper and Essentia's documentation say of it.

The names and the order of its classes are not published: heads are read by index. What is measured
with it is called `fd_aisfx` or `kl_ucs79`, never "FD" or "KL".
"""

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float64
from torch import Tensor, nn

from auffusion.errors import InputError
from auffusion.evaluate.conv_block import ConvBlock, folded
from auffusion.evaluate.hearing import Hearing
from auffusion.evaluate.htk_mel import htk_triangles
from auffusion.evaluate.inference import OnFirstUse, exact_inference, few_at_a_time, ready
from auffusion.evaluate.weights import FoundWeights
from auffusion.shapes import Waveform
from auffusion.weights import NUMPY_VALUES, load_strictly, only_tensors, read_content

_RATE, _FRAME, _HOP, _BANDS = 44_100, 2048, 1024, 96
# The loudest value of the authors' training data.
_LOUDEST = 9.457798957824707
_BLOCK, _BLOCK_HOP = 100, 50
_CHANNELS = (64, 128, 256, 512)
_CLASSES = (78, 79, 69, 81, 10, 27, 3, 23, 8)
_UCS_HEADS = {"logits_ucs78": 0, "logits_ucs79": 1, "logits_ucs69": 2}
_VERSION = 1


def spectrogram_blocks(waveform: Waveform) -> Float[Tensor, "batch block 100 96"]:
    """Blocks of 2.3 s of a log-mel spectrogram, half overlapping; a partial last one is dropped.

    A sound shorter than a block is followed by silence.

    Args:
        waveform: samples at 44.1 kHz.
    """
    count = -(-waveform.shape[-1] // _HOP) + 1
    # The first frame is centred on the first sample; zeros stand before it and behind the last.
    behind = (count - 1) * _HOP + _FRAME // 2 - waveform.shape[-1]
    padded = F.pad(waveform.double(), (_FRAME // 2, behind))
    window = torch.hann_window(_FRAME, periodic=False, dtype=torch.float64, device=waveform.device)
    spectrum = cast("Tensor", torch.fft.rfft(padded.unfold(-1, _FRAME, _HOP) * window))
    power = spectrum.real.square() + spectrum.imag.square()
    mel = torch.log10(1e4 * (power @ _filters().to(waveform.device)) + 1) / _LOUDEST
    whole = F.pad(mel, (0, 0, 0, max(0, _BLOCK - count)))
    return whole.unfold(1, _BLOCK, _BLOCK_HOP).mT.float()


def _filters() -> Float64[Tensor, "bin mel"]:
    triangles = htk_triangles(
        sample_rate=_RATE, fft_length=_FRAME, bands=_BANDS, low_hz=0.0, high_hz=_RATE / 2
    )
    return triangles / triangles.sum(dim=0)


class _Trunk(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        for number, (before, after) in enumerate(pairwise((1, *_CHANNELS)), start=1):
            self.add_module(f"conv_block{number}", ConvBlock(before, after))

    def forward(self, maps: Float[Tensor, "block 1 100 96"]) -> Float[Tensor, "block 512"]:
        for number in range(1, len(_CHANNELS) + 1):
            maps = self.get_submodule(f"conv_block{number}")(maps)
            if number < len(_CHANNELS):
                maps = F.max_pool2d(maps, 2)
        return maps.mean(dim=3).amax(dim=2)


class Aisfx(nn.Module):
    """Blocks to embeddings, and embeddings to the logits of nine label sets."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding_net = _Trunk()
        self.fc = nn.ModuleList(
            nn.Sequential(
                *(nn.Linear(512, 256), nn.ReLU()),
                *(nn.Linear(256, 128), nn.ReLU()),
                nn.Linear(128, classes),
            )
            for classes in _CLASSES
        )

    def forward(self, blocks: Float[Tensor, "block 100 96"]) -> Float[Tensor, "block 512"]:
        """Embeddings."""
        widest = _CHANNELS[0] * blocks[0].numel()
        return few_at_a_time(self.embedding_net, blocks[:, None], widest)


def load_aisfx(path: Path, device: str = "cpu") -> Aisfx:
    """The network of the published file.

    Raises:
        InputError: the file is damaged or holds another network.
    """
    content = read_content(path, allowed=NUMPY_VALUES)
    pair = cast("tuple[Any, ...]", content) if isinstance(content, tuple) else ()
    if len(pair) != 2 or not all(isinstance(part, Mapping) for part in pair):
        raise InputError(
            f"{path} holds no weights with a table of heads: it is no aisfx checkpoint"
        )
    network = Aisfx()
    load_strictly(
        network,
        only_tensors(pair[0], path),
        complaint=f"{path} does not fit the network of aisfx",
        advice="install aisfx 0.1.2 again",
    )
    return ready(folded(network), device)


class AisfxExtractor:
    """`embedding` [batch, block, 512], and the mean logits over blocks of the three UCS heads.

    Args:
        name: in the table.
        found: the published weights.
        device: where the network runs.
    """

    def __init__(self, name: str, found: FoundWeights, *, device: str = "cpu") -> None:
        self.name, self.weights = name, found.sha256
        self.front_end = f"aisfx/{_VERSION}"
        self.hearing = Hearing(sample_rate=_RATE, enough=(_BLOCK - 2) * _HOP + 1)
        self.dimensions = {
            "embedding": _CHANNELS[-1],
            **{array: _CLASSES[head] for array, head in _UCS_HEADS.items()},
        }
        self._device = device
        self._network = OnFirstUse(partial(load_aisfx, found.path, device))

    @exact_inference()
    def __call__(self, waveform: Waveform) -> dict[str, Tensor]:
        """See `FeatureExtractor`."""
        blocks = spectrogram_blocks(waveform.to(self._device))
        network = self._network()
        embedding = network(blocks.flatten(0, 1)).unflatten(0, blocks.shape[:2])
        logits = {
            array: network.fc[head](embedding).mean(dim=1) for array, head in _UCS_HEADS.items()
        }
        return {name: x.cpu() for name, x in {"embedding": embedding, **logits}.items()}
