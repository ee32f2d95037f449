"""What a command of `auffusion edit` does once it knows what to make: load, make, write, report."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from auffusion.cli.edit.edit import Edit, edit_options
from auffusion.cli.edit.shared import Shared
from auffusion.cli.plan import Destination, PlannedSound, choose_destination, make_folder
from auffusion.errors import InputError

if TYPE_CHECKING:
    from auffusion.cli.edit.sound import EditedSound
    from auffusion.cli.edit.source import Source
    from auffusion.cli.progress import Bars
    from auffusion.studio.studio import Studio


@dataclass(frozen=True, kw_only=True)
class PlannedEdit:
    """One sound to make."""

    sound: PlannedSound
    """Its name and its settings."""
    edit: Edit
    """What to do."""


def run_edits(planned: Sequence[PlannedEdit], shared: Shared, recording: Path | None) -> None:
    """Make the sounds, write them with one picture, and print their names.

    Args:
        planned: what to make; the names differ.
        shared: the options of all edits.
        recording: what is edited; None is the prompts alone.

    Raises:
        InputError: a recording, a model, an option or a place that cannot be used.
    """
    destination = choose_destination(shared.output, shared.kind, len(planned))
    _Job(planned, shared, destination).run(recording)


@dataclass(frozen=True)
class _Job:
    planned: Sequence[PlannedEdit]
    shared: Shared
    destination: Destination

    def run(self, recording: Path | None) -> None:
        from auffusion.cli.edit.sound import complete_edit, write_panels
        from auffusion.cli.edit.source import read_source
        from auffusion.cli.progress import Display

        display, shared = Display(), self.shared
        with display.loading(shared.model):
            source = None if recording is None else read_source(recording)
            self._check_places(source)
            studio = self._studio()
        complete = [complete_edit(studio, one.sound.settings, source) for one in self.planned]
        made: list[EditedSound] = []
        with display.bars(len(self.planned)) as bars:
            for one, settings in zip(self.planned, complete, strict=True):
                plan = PlannedEdit(
                    sound=PlannedSound(name=one.sound.name, settings=settings), edit=one.edit
                )
                made.append(self._make(studio, plan, source, bars))
        if shared.picture and len(made) > 1:
            panels = made[0].panels() + [sound.panels()[-1] for sound in made[1:]]
            write_panels(self._strip(), panels, studio.pipeline.mel)

    def _studio(self) -> "Studio":
        from auffusion.studio.studio import Studio

        shared = self.shared
        return Studio(
            shared.model,
            device=shared.device.value,
            dtype=shared.dtype.value,
            loras=shared.loras or [],
        )

    def _check_places(self, source: "Source | None") -> None:
        """Find out before the work whether every file can be written."""
        from auffusion.audio.channels import check_encoding

        for one in self.planned:
            path = self.destination.path_of(one.sound)
            if source is None:
                continue
            if path.exists() and path.samefile(source.path):
                raise InputError(
                    f"the result would replace the recording {source.path}, of which it is made: "
                    "name another file with --output"
                )
            if one.edit.keeps_samples:
                check_encoding(path, source.encoding, source.info.channels)

    def _make(
        self, studio: "Studio", plan: PlannedEdit, source: "Source | None", bars: "Bars"
    ) -> "EditedSound":
        from auffusion.cli.edit.sound import edited_sound

        path, settings = self.destination.path_of(plan.sound), plan.sound.settings
        began = time.perf_counter()
        with bars.sound(path.name, plan.edit.predictions(settings.steps)) as advance:
            sound = edited_sound(studio, plan.edit, settings, source, advance)
            make_folder(self.destination.folder)
            sound.write(path, picture=self.shared.picture and len(self.planned) == 1)
        self._report(path, plan, sound, time.perf_counter() - began)
        return sound

    def _strip(self) -> Path:
        """The picture of several sounds, named after the first ones' common beginning."""
        first = self.planned[0]
        return self.destination.folder / f"{first.sound.name.rpartition('_')[0]}.png"

    def _report(self, path: Path, plan: PlannedEdit, sound: "EditedSound", seconds: float) -> None:
        outcome, settings = sound.outcome, plan.sound.settings
        if not self.shared.as_json:
            typer.echo(str(path))
            for name, value in outcome.notes.items():
                typer.echo(f"{path.name}: {name} {value}", err=True)
            return
        told = {
            "file": str(path),
            "kind": plan.edit.kind,
            "prompt": settings.prompt,
            "seed": settings.seed,
            "options": edit_options(plan.edit),
            "length_s": outcome.channels.shape[-1] / outcome.rate,
            "truncated": outcome.truncated,
            "notes": dict(outcome.notes),
            "seconds": round(seconds, 3),
        }
        typer.echo(json.dumps(told))
