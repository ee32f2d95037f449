"""PANNs' Cnn14: the network behind FD, KL and IS (Kong et al. 2020, arXiv 1912.10211, Table V).

Written from the paper and the published files' names and shapes; the state dict is that of
`Cnn14_16k_mAP=0.438.pth` and `Cnn14_mAP=0.431.pth`, Fourier and mel matrices included, so that the
published numbers' own matrices are used and not ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from auffusion.errors import InputError
from auffusion.evaluate.conv_block import ConvBlock, folded
from auffusion.evaluate.hearing import AUDIOLDM_EVAL, Hearing
from auffusion.evaluate.inference import OnFirstUse, exact_inference, few_at_a_time, ready
from auffusion.evaluate.weights import FoundWeights
from auffusion.mel import mel_filterbank
from auffusion.shapes import Waveform
from auffusion.weights import NUMPY_VALUES, load_strictly, only_tensors, read_state

_POOLINGS = 5
# The blocks behind these have more weights than maps.
_SHALLOW = 4
_FLOOR = 1e-10
_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Cnn14Config:
    """What differs between the published forms."""

    sample_rate: int = 16_000
    """In Hz."""
    fft_length: int = 512
    """Points of the transform and samples of its periodic Hann window."""
    hop_length: int = 160
    """Samples from one frame to the next."""
    low_hz: float = 50.0
    """Lower edge of the lowest band."""
    high_hz: float = 8_000.0
    """Upper edge of the highest band."""
    bands: int = 64
    """Mel bands."""
    channels: int = 64
    """Of the first block; each further one has twice as many."""
    classes: int = 527
    """Of AudioSet."""

    @property
    def features(self) -> int:
        """Length of an embedding."""
        return self.channels << _POOLINGS

    @property
    def minimum_samples(self) -> int:
        """So many frames that one is left after the poolings."""
        return max((2**_POOLINGS - 1) * self.hop_length, self.fft_length // 2 + 1)


CNN14_16K = Cnn14Config()
CNN14_32K = Cnn14Config(sample_rate=32_000, fft_length=1024, hop_length=320, high_hz=14_000.0)


class _Fourier(nn.Module):
    """A Fourier transform as two convolutions with windowed cosines and sines."""

    def __init__(self, config: Cnn14Config) -> None:
        super().__init__()
        bins, length = config.fft_length // 2 + 1, config.fft_length
        self.conv_real, self.conv_imag = (
            nn.Conv1d(1, bins, length, stride=config.hop_length, bias=False) for _ in range(2)
        )
        window = torch.hann_window(length, dtype=torch.float64)
        times = torch.arange(length, dtype=torch.float64)
        angles = torch.outer(torch.arange(bins), times) * (2 * torch.pi / length)
        with torch.no_grad():
            self.conv_real.weight.copy_((angles.cos() * window)[:, None])
            self.conv_imag.weight.copy_((-angles.sin() * window)[:, None])


class _Spectrogram(nn.Module):
    def __init__(self, config: Cnn14Config) -> None:
        super().__init__()
        self.stft = _Fourier(config)
        self._padding = config.fft_length // 2

    def forward(self, waveform: Waveform) -> Float[Tensor, "batch bin frame"]:
        """Powers of centred frames, the ends reflected."""
        padded = F.pad(waveform[:, None], (self._padding, self._padding), mode="reflect")
        return self.stft.conv_real(padded).square() + self.stft.conv_imag(padded).square()


class _LogMel(nn.Module):
    def __init__(self, config: Cnn14Config) -> None:
        super().__init__()
        filters = mel_filterbank(
            sample_rate=config.sample_rate,
            fft_length=config.fft_length,
            bands=config.bands,
            low_hz=config.low_hz,
            high_hz=config.high_hz,
        )
        self.melW = nn.Parameter(filters.T.contiguous())

    def forward(self, power: Float[Tensor, "batch bin frame"]) -> Float[Tensor, "batch frame mel"]:
        """Decibels, floored at -100."""
        return 10 * torch.log10((power.mT @ self.melW).clamp_min(_FLOOR))


class Cnn14(nn.Module):
    """Waveforms to 2048 features and 527 logits."""

    def __init__(self, config: Cnn14Config = CNN14_16K) -> None:
        super().__init__()
        self.config = config
        self.spectrogram_extractor = _Spectrogram(config)
        self.logmel_extractor = _LogMel(config)
        self.bn0 = nn.BatchNorm2d(config.bands)
        before = 1
        for block in range(_POOLINGS + 1):
            after = config.channels << block
            self.add_module(f"conv_block{block + 1}", ConvBlock(before, after))
            before = after
        self.fc1 = nn.Linear(config.features, config.features)
        self.fc_audioset = nn.Linear(config.features, config.classes)
        self._turned = False

    def turned(self) -> "Cnn14":
        """This network, its maps from now on computed with time along their rows.

        The deepest maps are two bands wide, and a processor convolves rows: the same sums then take
        two thirds of the time. Done once the weights are loaded, whose kernels it turns.
        """
        self._turned = not self._turned
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.data = module.weight.data.mT.contiguous()
        return self

    def forward(
        self, waveform: Waveform
    ) -> tuple[Float[Tensor, "batch feature"], Float[Tensor, "batch class"]]:
        """Embeddings after their ReLU, and logits before any sigmoid.

        Raises:
            InputError: fewer than `Cnn14Config.minimum_samples` samples.
        """
        if waveform.shape[-1] < self.config.minimum_samples:
            raise InputError(
                f"a sound of {waveform.shape[-1]} samples is too short for Cnn14, which needs "
                f"{self.config.minimum_samples}: pad it with silence"
            )
        x = self.logmel_extractor(self.spectrogram_extractor(waveform))
        # The bands are normalised each by itself, as if they were channels.
        x = self.bn0(x.mT[..., None]).movedim(-1, 1)
        x = x if self._turned else x.mT
        shallow = partial(self._pooled_blocks, range(1, _SHALLOW + 1))
        x = few_at_a_time(shallow, x, self.config.channels * x[0].numel())
        x = self._pooled_blocks(range(_SHALLOW + 1, _POOLINGS + 1), x)
        x = self.get_submodule(f"conv_block{_POOLINGS + 1}")(x)
        over_time = x.mean(dim=2 if self._turned else 3)
        pooled = over_time.amax(dim=2) + over_time.mean(dim=2)
        embedding = F.relu(self.fc1(pooled))
        return embedding, self.fc_audioset(embedding)

    def _pooled_blocks(self, blocks: range, maps: Tensor) -> Tensor:
        for block in blocks:
            maps = F.avg_pool2d(self.get_submodule(f"conv_block{block}")(maps), 2)
        return maps


def load_cnn14(path: Path, config: Cnn14Config, device: str = "cpu") -> Cnn14:
    """The network of a published file.

    Raises:
        InputError: the file is damaged or holds another network.
    """
    content = read_state(path, allowed=NUMPY_VALUES)
    if not isinstance(content.get("model"), Mapping):
        raise InputError(f"{path} holds no weights under 'model': it is no PANNs checkpoint")
    network = Cnn14(config)
    load_strictly(
        network,
        only_tensors(cast("Mapping[str, object]", content["model"]), path),
        complaint=f"{path} does not fit Cnn14 for {config.sample_rate} Hz",
        advice="fetch the file again",
    )
    return ready(folded(network).turned(), device)


class Cnn14Extractor:
    """`embedding` [batch, 2048] and `logits` [batch, 527] of each sound.

    Args:
        name: in the table.
        found: the published weights.
        config: the form they have.
        hearing: what is heard of a sound; audioldm_eval's way unless said otherwise.
        device: where the network runs.
    """

    def __init__(
        self,
        name: str,
        found: FoundWeights,
        config: Cnn14Config = CNN14_16K,
        *,
        hearing: Hearing | None = None,
        device: str = "cpu",
    ) -> None:
        self.name, self.weights = name, found.sha256
        self.front_end = f"cnn14/{_VERSION} {config}"
        self.hearing = hearing or replace(AUDIOLDM_EVAL, sample_rate=config.sample_rate)
        self.dimensions = {"embedding": config.features, "logits": config.classes}
        self._device = device
        self._network = OnFirstUse(partial(load_cnn14, found.path, config, device))

    @exact_inference()
    def __call__(self, waveform: Waveform) -> dict[str, Tensor]:
        """See `FeatureExtractor`."""
        embedding, logits = self._network()(waveform.to(self._device))
        return {"embedding": embedding.cpu(), "logits": logits.cpu()}
