"""Sounds whose attention is watched, as rows of one picture."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from auffusion.attention import EVERYTHING, Grounding, Selection
from auffusion.attention.page import HeardSound, attention_page
from auffusion.attention.picture import MapRow, MapScale, attention_picture
from auffusion.attention.store import Apart, MapKey
from auffusion.attention.tables import maps_csv, maps_npz, scores_csv
from auffusion.audio import write_audio
from auffusion.audio.writer import encode_audio
from auffusion.files import write_file
from auffusion.pipeline.hooks import progress_hook
from auffusion.pipeline.watching import WatchedSound, attention
from auffusion.studio.settings import Settings
from auffusion.studio.studio import Studio

RowKind = Literal["model", "layer", "step", "head"]

_MOST_STEP_ROWS = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class WatchedModel:
    """A model's sound and its rows of the picture."""

    name: str
    """The model's, and the sound's file name without its ending."""
    samples: NDArray[np.int16]
    """The sound."""
    sample_rate: int
    """In Hz."""
    metadata: Mapping[str, str]
    """What the sound's file says about itself."""
    rows: Sequence[MapRow]
    """The model itself, or its layers, steps or heads."""
    scores: Sequence[Mapping[str, Grounding | None]]
    """By word, for each row."""

    @property
    def heard(self) -> HeardSound:
        """As the page has it."""
        wav = encode_audio("wav", self.samples, sample_rate=self.sample_rate)
        return HeardSound(label=self.name, sound=wav, rows=self.rows, scores=self.scores)

    def write_sound(self, folder: Path) -> None:
        """Write the sound."""
        path = folder / f"{self.name}.wav"
        write_audio(path, self.samples, sample_rate=self.sample_rate, metadata=self.metadata)


def watch(
    studio: Studio,
    settings: Settings,
    advance: Callable[[], object],
    *,
    words: Sequence[str] | None = None,
    by: RowKind = "model",
    places: Sequence[Any] | None = None,
    levels: Sequence[int] | None = None,
) -> WatchedModel:
    """One sound of one model, and its rows.

    Args:
        studio: the model.
        settings: complete settings.
        advance: called after each step.
        words: as for `AuffusionPipeline.attention`.
        by: what is a row.
        places: parts of the U-Net that are watched.
        levels: its levels that are watched.

    Raises:
        InputError: a word that is not in the prompt, or what this model cannot make.
    """
    found = attention(
        studio.ready(settings),
        settings.prompt,
        words=words,
        negative_prompt=settings.negative,
        audio_length_in_s=settings.length_s,
        num_inference_steps=settings.steps,
        guidance_scale=settings.guidance,
        seed=settings.seed,
        places=places,
        levels=levels,
        apart=apart_for(by),
        on_step=progress_hook(advance),
    )
    name, sound = Path(studio.model).name, studio.made(settings, found.output)
    rows = map_rows(found, name, by, sound.log_mel)
    return WatchedModel(
        name=name,
        samples=sound.samples,
        sample_rate=sound.sample_rate,
        metadata=sound.record.to_metadata(),
        rows=rows,
        scores=[found.scores(row.maps) for row in rows],
    )


def apart_for(by: RowKind) -> tuple[Apart, ...]:
    """What a store must keep apart for such rows."""
    kinds: dict[RowKind, tuple[Apart, ...]] = {"step": ("step",), "head": ("head",)}
    return kinds.get(by, ())


def map_rows(
    found: WatchedSound, name: str, by: RowKind, log_mel: Float[Tensor, "mel frame"]
) -> list[MapRow]:
    """The rows of one sound, which is shown in the first."""
    return [
        MapRow(
            label=f"{name}: {label}" if label else name,
            maps=found.heatmaps(selection),
            log_mel=None if number else log_mel,
            mel=found.extent.mel,
        )
        for number, (label, selection) in enumerate(_selections(found.store.kept, by))
    ]


def _selections(kept: Sequence[MapKey], by: RowKind) -> list[tuple[str, Selection]]:
    if by == "layer":
        layers = dict.fromkeys(key.layer for key in kept)
        return [(_short(layer), Selection(layers=[layer])) for layer in layers]
    if by == "head":
        heads = sorted({key.head for key in kept if key.head is not None})
        return [(f"head {head}", Selection(heads=[head])) for head in heads]
    if by == "step":
        steps = sorted({key.step for key in kept if key.step is not None})
        parts = np.array_split(np.array(steps), min(_MOST_STEP_ROWS, len(steps)))
        groups = [[int(step) for step in part] for part in parts]
        return [(_told_steps(group), Selection(steps=group)) for group in groups]
    return [("", EVERYTHING)]


def _short(layer: str) -> str:
    """A layer's path without what all of them have.

    >>> _short("up_blocks.1.attentions.0.transformer_blocks.0.attn2")
    'up_blocks.1.attentions.0'
    """
    return layer.removesuffix(".attn2").removesuffix(".transformer_blocks.0")


def _told_steps(steps: Sequence[int]) -> str:
    # Counted from 1, as people count; the store counts from 0.
    first, last = steps[0] + 1, steps[-1] + 1
    return f"step {first}" if first == last else f"steps {first} to {last}"


def write_all(
    folder: Path,
    models: Sequence[WatchedModel],
    *,
    title: str,
    under: str,
    scale: MapScale,
    side: int,
) -> None:
    """All files of a call, into a folder that exists.

    Args:
        folder: where to.
        models: the first one on top.
        title: the prompt.
        under: how the sounds were made.
        scale: of the colours.
        side: of a square, in pixels.
    """
    rows = [row for model in models for row in model.rows]
    scores = [score for model in models for score in model.scores]
    for model in models:
        model.write_sound(folder)
    picture = io.BytesIO()
    attention_picture(rows, scale=scale, side=side).save(picture, format="PNG", optimize=True)
    page = attention_page(title, [model.heard for model in models], scale=scale, under=under)
    write_file(folder / "figure.png", picture.getvalue())
    write_file(folder / "page.html", page.encode())
    write_file(folder / "maps.csv", maps_csv(rows))
    write_file(folder / "maps.npz", maps_npz(rows))
    write_file(folder / "scores.csv", scores_csv(rows, scores))
