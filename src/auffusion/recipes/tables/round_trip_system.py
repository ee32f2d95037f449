"""Recordings sent through a part of a model and back: the best that the rest of it could do."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from auffusion.audio import read_audio, read_metadata, write_audio
from auffusion.errors import InputError
from auffusion.recipes.tables.needs import Equipment, Need, model_need
from auffusion.recipes.tables.systems import Job, Sampling, check_title
from auffusion.studio.roundtrip import round_trip
from auffusion.studio.settings import EDITED
from auffusion.studio.studio import Studio


@dataclass(frozen=True, kw_only=True)
class RoundTripSystem:
    """The recordings after a stage of a model."""

    title: str
    """What the row is called."""
    paper: Mapping[str, tuple[float, ...]] = field(default_factory=lambda: {})
    """What the paper prints, by list."""
    model: str = "embedded"
    """Whose stages."""
    how: str = ""
    """How such a folder is had."""
    stage: Literal["mel", "image", "latent"]
    """How far a recording goes: `mel` is the vocoder alone, `latent` VAE and vocoder."""

    def __post_init__(self) -> None:
        check_title(self.title)

    @property
    def left_out(self) -> str:
        """See `System`."""
        return ""

    def needs(self, equipment: Equipment) -> Iterator[Need]:
        """See `System`."""
        yield model_need(self.model, self.how, equipment)

    def gpu_seconds(self, sampling: Sampling, seconds_a_step: float) -> float:
        """See `System`."""
        del sampling
        # Encoder, decoder and vocoder together cost about as much as a few steps.
        return 3 * seconds_a_step

    def make(self, jobs: Sequence[Job], equipment: Equipment) -> None:
        """See `System`."""
        studio = Studio(self.model, device=equipment.device)
        for job in jobs:
            for item in job.items:
                made = self._make(studio, job.recording_of(item), job.path_of(item))
                job.on_sound(job.path_of(item), made)

    def _make(self, studio: Studio, recording: Path, path: Path) -> bool:
        record = self._record(studio, recording)
        if _is_made(path, record):
            return False
        rate = studio.pipeline.mel.sample_rate
        back = round_trip(studio.pipeline, read_audio(recording, sample_rate=rate), self.stage)
        comment = {"comment": json.dumps(record)}
        write_audio(path, back.waveform, sample_rate=rate, metadata=comment)
        return True

    def _record(self, studio: Studio, recording: Path) -> dict[str, Any]:
        return {
            "auffusion": version("auffusion"),
            "note": EDITED,
            "kind": "round-trip",
            "stage": self.stage,
            "model": {"name": studio.model, "sha256": studio.identity},
            "recording_sha256": hashlib.sha256(recording.read_bytes()).hexdigest(),
        }


def _is_made(path: Path, record: dict[str, Any]) -> bool:
    if not path.is_file():
        return False
    try:
        return json.loads(read_metadata(path).get("comment", "")) == record
    except (InputError, ValueError, RecursionError):
        return False  # whatever it is, it is not what is wanted
