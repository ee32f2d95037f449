"""Tango's attention in the same picture: the last row of the paper's Figure 2.

Its latents have time on the other axis, its text is FLAN-T5's behind a mask, its loop its own.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import torch

from auffusion.attention import TANGO_AXES, AttentionStore, Extent, Selection, controlled
from auffusion.audio import to_int16
from auffusion.baselines import load_baseline
from auffusion.baselines.bulk import ListedSound, sound_metadata
from auffusion.baselines.loading import LoadedBaseline
from auffusion.baselines.rivals.tango import Tango
from auffusion.errors import InputError
from auffusion.image import FixedLogRange
from auffusion.mel import MelConfig, MelSpectrogram
from auffusion.pipeline.output import AuffusionOutput
from auffusion.pipeline.watching import WatchedSound, level_grids, prompt_words
from auffusion.shapes import Waveform
from auffusion.studio.settings import Settings
from auffusion.studio.watching import RowKind, WatchedModel, apart_for, map_rows
from auffusion.text import word_tokens

TANGOS = ("tango", "tango-full")
"""Names under which the published weights are known."""

_WEIGHTS = "pytorch_model_main.bin"
# Its pictures are 1024 frames wide, of which its U-Net sees a fourth.
_FRAMES, _FOLD = 1024, 4


def is_tango(model: str) -> bool:
    """Whether a model is Tango: one of `TANGOS`, or a folder as its authors laid theirs out."""
    folder = Path(model)
    return (folder / _WEIGHTS).is_file() or (model in TANGOS and not folder.is_dir())


def watch_tango(
    model: str,
    settings: Settings,
    advance: Callable[[], object],
    *,
    device: str = "cpu",
    download: bool = False,
    words: Sequence[str] | None = None,
    by: RowKind = "model",
    places: Sequence[Any] | None = None,
    levels: Sequence[int] | None = None,
) -> WatchedModel:
    """One sound of Tango, and its rows, as `watch` gives them of our models.

    Args:
        model: a name or a folder (`is_tango`).
        settings: prompt, seed, steps and precision; a guidance or length that is None is Tango's
            own. Its sampler is always its own.
        advance: called after each step.
        device: where its networks run.
        download: whether published weights that are not here may be fetched.
        words: as for `AuffusionPipeline.attention`.
        by: what is a row.
        places: parts of the U-Net that are watched.
        levels: its levels that are watched.

    Raises:
        InputError: weights that are not here, a word that is not in the prompt, or settings that
            it does not know.
    """
    if settings.negative is not None:
        raise InputError("Tango takes no negative prompt: leave --negative out")
    baseline = load_baseline(
        model if model in TANGOS else "tango",
        model=None if model in TANGOS else model,
        device=device,
        dtype=getattr(torch, settings.dtype),
        steps=settings.steps,
        guidance=settings.guidance,
        length_s=settings.length_s,
        download=download,
    )
    rival = baseline.rival
    if not isinstance(rival, Tango):
        raise InputError(f"{model} is a {type(rival).__name__}, whose attention is not watched")
    watched = prompt_words(settings.prompt) if words is None else tuple(dict.fromkeys(words))
    mel = MelConfig(bands=rival.bands)
    height, width = _FRAMES // _FOLD, mel.bands // _FOLD
    store = AttentionStore(
        watched=Selection(
            places=places, grids=None if levels is None else level_grids(height, width, levels)
        ),
        columns=[word_tokens(rival.tokenizer, settings.prompt, word) for word in watched],
        apart=apart_for(by),
    )
    with _stepping(rival.unet, store, advance), controlled(rival.unet, store, 1):
        waveform = baseline([settings.prompt], [settings.seed])
    found = _watched(baseline, settings, watched, mel, store, waveform)
    name = Path(model).name
    rows = map_rows(found, name, by, MelSpectrogram(mel)(waveform)[0])
    samples = to_int16(waveform[0])
    row = ListedSound(id=name, prompt=settings.prompt, seed=settings.seed)
    return WatchedModel(
        name=name,
        samples=samples.numpy(),
        sample_rate=mel.sample_rate,
        metadata=sound_metadata(baseline, row, samples),
        rows=rows,
        scores=[found.scores(one.maps) for one in rows],
    )


def _watched(
    baseline: LoadedBaseline,
    settings: Settings,
    words: tuple[str, ...],
    mel: MelConfig,
    store: AttentionStore,
    waveform: Waveform,
) -> WatchedSound:
    log_mel = MelSpectrogram(mel)(waveform)
    return WatchedSound(
        prompt=settings.prompt,
        words=words,
        output=AuffusionOutput(audios=waveform, spectrograms=log_mel, seeds=(settings.seed,)),
        level=FixedLogRange().to_unit(log_mel)[0],
        extent=Extent(mel=mel, frames=_FRAMES, shown_s=baseline.sampling.length_s),
        store=store,
        axes=TANGO_AXES,
    )


@contextmanager
def _stepping(
    unet: Any,  # noqa: ANN401
    store: AttentionStore,
    advance: Callable[[], object],
) -> Generator[None]:
    """Within it, a call of the network is a step."""
    numbers = count()

    def called(_unet: Any, inputs: tuple[Any, ...], _output: Any) -> None:  # noqa: ANN401
        latent, timestep = inputs[:2]
        store.on_step(next(numbers), timestep, latent)
        advance()

    hook = unet.register_forward_hook(called)
    try:
        yield
    finally:
        hook.remove()
