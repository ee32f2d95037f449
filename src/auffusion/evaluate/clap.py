"""CLAP: sounds and texts in one space (Wu et al. 2023, arXiv 2211.06687), for the CLAP score.

The network, the log-mel front-end and the tokenizer are transformers'. What lies before them is
ours, because it decides the numbers and transformers changed it: whether a sound under ten seconds
is followed by zeros (transformers before 5, and so the paper's reference clips) or repeated, and
which ten seconds of a longer one are heard (its own crop is drawn from numpy's global generator).
The network always gets 480,000 samples, for which it neither pads nor crops.

The paper's steps are its first author's, in
https://github.com/happylittlecat2333/Auffusion/issues/11: mono, 48 kHz, peak 1, embeddings of
length one; the reference clips' crop is not known.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from transformers.models.clap.configuration_clap import (
    ClapAudioConfig,
    ClapConfig,
    ClapTextConfig,
)
from transformers.models.clap.feature_extraction_clap import ClapFeatureExtractor
from transformers.models.clap.modeling_clap import ClapModel

from auffusion.audio import fit_length
from auffusion.errors import InputError
from auffusion.evaluate.hearing import Hearing
from auffusion.evaluate.inference import OnFirstUse, exact_inference, ready
from auffusion.evaluate.weights import FoundWeights
from auffusion.shapes import Waveform
from auffusion.text.loading import NONSENSE, known_settings, load_tokenizer
from auffusion.weights import load_strictly, read_weights

_RATE, _WINDOW = 48_000, 480_000
_EMBEDDING = 512
_TEXT_BATCH = 64
# Numbers 0, 1, 2, … that files of any age store or not, and every model counts itself.
_COUNTED = ("position_ids", "token_type_ids", "relative_position_index")
_FRONT_END: dict[str, Any] = {
    "sampling_rate": _RATE,
    "fft_window_size": 1024,
    "hop_length": 480,
    "feature_size": 64,
    "frequency_min": 50,
    "frequency_max": 14_000,
    "max_length_s": 10,
    "top_db": None,
    "truncation": "rand_trunc",
}
_VERSION = 1


class Padding(StrEnum):
    """What follows a sound of under ten seconds."""

    ZERO = "zero"
    """Silence, as transformers before 5 did with `padding=True`."""
    REPEAT = "repeat"
    """The sound again, as often as it fits whole, and then silence (the hub's `repeatpad`)."""


class Listening(StrEnum):
    """Which ten seconds of a longer sound are heard."""

    FIRST = "first"
    """The first ones."""
    CENTRE = "centre"
    """Those in the middle."""
    ALL = "all"
    """All: windows one after the other, the last one ending with the sound; their projections are
    averaged before they are brought to length one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClapConfiguration:
    """What differs between scores with one checkpoint; the paper's is the default."""

    padding: Padding = Padding.ZERO
    """What follows a sound of under ten seconds."""
    listening: Listening = Listening.FIRST
    """Which ten seconds of a longer sound are heard."""


def ten_second_windows(
    waveform: Waveform, config: ClapConfiguration
) -> Float[Tensor, "batch window 480000"]:
    """The pieces of each sound that the network hears.

    Args:
        waveform: samples at 48 kHz.
        config: how they are cut.
    """
    length = waveform.shape[-1]
    if length <= _WINDOW:
        if config.padding is Padding.REPEAT:
            waveform = waveform.repeat(1, _WINDOW // length)
        return fit_length(waveform, _WINDOW)[:, None]
    last = length - _WINDOW
    starts = {
        Listening.FIRST: [0],
        Listening.CENTRE: [last // 2],
        Listening.ALL: [*range(0, last, _WINDOW), last],
    }[config.listening]
    return torch.stack([waveform[:, start : start + _WINDOW] for start in starts], dim=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Parts:
    """What a checkpoint's folder holds."""

    model: Any
    front_end: Any
    tokenizer: Any
    longest_text: int


def load_clap(folder: Path, device: str = "cpu") -> _Parts:
    """Network, front-end and tokenizer of a checkpoint.

    Raises:
        InputError: files are missing or damaged, or belong to another kind of checkpoint.
    """
    model = _model(folder)
    counted = {name: x for name, x in model.named_buffers() if name.endswith(_COUNTED)}
    state = {k: v for k, v in read_weights(folder).items() if not k.endswith(_COUNTED)}
    load_strictly(
        model,
        {**counted, **state},
        complaint=f"the weights in {folder} do not fit their config.json",
        advice="fetch the checkpoint again",
    )
    _check_front_end(folder / "preprocessor_config.json")
    return _Parts(
        model=ready(model, device),
        front_end=ClapFeatureExtractor(**_FRONT_END),
        tokenizer=load_tokenizer(folder),
        # Two of RoBERTa's positions are never used: they start behind the padding's index.
        longest_text=model.text_model.config.max_position_embeddings - 2,
    )


def _model(folder: Path) -> Any:  # noqa: ANN401 - transformers'
    described = _read_json(folder / "config.json")
    parts = {"text_config": ClapTextConfig, "audio_config": ClapAudioConfig}
    try:
        halves = {name: known_settings(kind, described[name]) for name, kind in parts.items()}
        settings: Any = {**known_settings(ClapConfig, described), **halves}
        return ClapModel(ClapConfig(**settings)).float()
    except NONSENSE as error:
        raise InputError(
            f"{folder / 'config.json'} makes no sense ({' '.join(str(error).split())}): fetch the "
            "checkpoint again"
        ) from error


def _check_front_end(path: Path) -> None:
    stored = _read_json(path)
    for name, wanted in _FRONT_END.items():
        if stored.get(name, wanted) != wanted:
            raise InputError(
                f"{path} has {name} {stored[name]!r} where {wanted!r} was expected: use the "
                "checkpoint laion/clap-htsat-unfused"
            )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error}): fetch it again") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no JSON object: fetch it again")
    return cast("dict[str, Any]", content)


class ClapExtractor:
    """`embedding` [batch, 512], of length one, of each sound; and of texts.

    Args:
        name: in the table.
        found: the checkpoint's folder.
        config: what is heard of a sound.
        device: where the network runs.
    """

    def __init__(
        self,
        name: str,
        found: FoundWeights,
        config: ClapConfiguration,
        *,
        device: str = "cpu",
    ) -> None:
        self.name, self.weights = name, found.sha256
        self.front_end = f"clap/{_VERSION} {config}"
        self.hearing = Hearing(sample_rate=_RATE, normalise_peak=True, enough=_WINDOW)
        self.dimensions: Mapping[str, int] = {"embedding": _EMBEDDING}
        self._config = config
        self._device = device
        self._parts = OnFirstUse(partial(load_clap, found.path, device))

    @exact_inference()
    def __call__(self, waveform: Waveform) -> dict[str, Tensor]:
        """See `FeatureExtractor`."""
        windows = ten_second_windows(waveform, self._config)
        projected = self._projected(windows.flatten(0, 1)).reshape(*windows.shape[:2], -1)
        return {"embedding": F.normalize(projected.mean(dim=1), dim=-1).cpu()}

    def _projected(self, windows: Float[Tensor, "window 480000"]) -> Tensor:
        parts = self._parts()
        heard = parts.front_end(
            list(windows.cpu().numpy()), sampling_rate=_RATE, return_tensors="pt"
        )
        pooled = parts.model.audio_model(
            input_features=heard["input_features"].to(self._device),
            is_longer=heard["is_longer"].to(self._device),
        ).pooler_output
        return parts.model.audio_projection(pooled)

    @exact_inference()
    def embed_texts(self, texts: Sequence[str]) -> Float[Tensor, "text 512"]:
        """Embeddings of captions, of length one, on the CPU.

        Raises:
            InputError: no text, or one that is longer than the network can read.
        """
        if not texts:
            raise InputError("there is no text to embed: give at least one")
        rows = [
            self._texts(texts[start : start + _TEXT_BATCH])
            for start in range(0, len(texts), _TEXT_BATCH)
        ]
        return torch.cat(rows)

    def _texts(self, texts: Sequence[str]) -> Tensor:
        parts = self._parts()
        tokens = parts.tokenizer(list(texts), padding=True, return_tensors="pt")
        lengths = tokens["attention_mask"].sum(dim=1)
        if int(lengths.max()) > parts.longest_text:
            worst = texts[int(lengths.argmax())]
            raise InputError(
                f"the text '{worst[:40]}…' has {int(lengths.max())} tokens, and CLAP reads at most "
                f"{parts.longest_text}: shorten it"
            )
        found = parts.model.text_model(
            input_ids=tokens["input_ids"].to(self._device),
            attention_mask=tokens["attention_mask"].to(self._device),
        )
        return F.normalize(parts.model.text_projection(found.pooler_output), dim=-1).cpu()
