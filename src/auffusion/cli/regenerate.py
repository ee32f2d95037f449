"""`auffusion regenerate`: the same samples again, from the file alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auffusion.cli import options
from auffusion.cli.choices import Device
from auffusion.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from auffusion.audio.channels import Channels
    from auffusion.cli.edit.edit import Edit
    from auffusion.cli.edit.sound import EditedSound
    from auffusion.cli.edit.source import Source
    from auffusion.studio.settings import Record, UsedLora
    from auffusion.studio.studio import MadeSound, Studio

DIFFERENT = 1
"""Exit status when the samples are not the same."""


def regenerate(
    file: Annotated[Path, typer.Argument(help="A file made by auffusion generate or edit.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the sound here.", metavar="FILE"),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Where the model is now, if it moved.", metavar="MODEL"),
    ] = None,
    loras: Annotated[
        list[str] | None,
        typer.Option(
            "--lora", help="Where its LoRAs are now, in order, if they moved.", metavar="FOLDER"
        ),
    ] = None,
    recording: Annotated[
        Path | None,
        typer.Option(help="Where the edited recording is now, if it moved.", metavar="FILE"),
    ] = None,
    device: options.OnDevice = Device.AUTO,
) -> None:
    """Make a file's samples again and say whether they are identical (status 0) or not (1).

    Prompt, seed, settings and model are read from the file, and for an edit what was done; the
    edited recording is looked for where it was, and beside the file. Another device, number of
    threads or version of torch may change the last bits.
    """
    from auffusion.audio import read_channels
    from auffusion.cli.progress import Display
    from auffusion.studio.studio import Studio, read_record

    record = read_record(file)
    before, info = read_channels(file)
    again = _Again(record, file, recording)
    if output is not None:
        output = _place(output, file)
    display = Display()
    with display.loading(model or record.model):
        studio = Studio(
            model or record.model,
            device=device.value,
            dtype=record.settings.dtype,
            loras=_placed(record.loras, loras or [], str(file)),
        )
    _refuse_others(studio, record, file)
    with display.bars(1) as bars, bars.sound(file.name, again.predictions) as advance:
        sound = again.make(studio, advance)
    if output is not None:
        sound.write(output)
    same_rate = info.sample_rate == sound.sample_rate
    difference = _difference(before, sound.channels) if same_rate else "another sample rate"
    typer.echo(f"{file}: {difference or f'identical, {before.shape[-1]} samples'}")
    if difference:
        raise typer.Exit(DIFFERENT)


class _Again:
    """What a file's record asks for.

    Args:
        record: that of the file.
        file: the file.
        recording: where the edited recording is now; None looks for it.

    Raises:
        InputError: an edit that is not known, or a recording that is not found.
    """

    def __init__(self, record: "Record", file: Path, recording: Path | None) -> None:
        self._settings = record.settings
        self._edit: Edit | None = None
        self._source: Source | None = None
        used = None if record.edit is None else record.edit.recording
        if recording is not None and used is None:
            raise InputError(f"{file} was not made of a recording: leave --recording out")
        if record.edit is not None:
            from auffusion.cli.edit.kinds import read_edit

            self._edit = read_edit(record.edit, str(file))
        if used is not None:
            from auffusion.cli.edit.source import find_source

            self._source = find_source(used, file, recording)

    @property
    def predictions(self) -> int:
        """How often the network will be asked."""
        steps = self._settings.steps
        return steps if self._edit is None else self._edit.predictions(steps)

    def make(self, studio: "Studio", advance: "Callable[[], object]") -> "MadeSound | EditedSound":
        """The sound."""
        if self._edit is None:
            return studio.make(self._settings, advance)
        from auffusion.cli.edit.sound import edited_sound

        return edited_sound(studio, self._edit, self._settings, self._source, advance)


def _place(output: Path, file: Path) -> Path:
    from auffusion.cli.plan import choose_destination

    place = choose_destination(output, None, 1)
    return place.file or place.folder / file.name


def _refuse_others(studio: "Studio", record: "Record", file: Path) -> None:
    """Refuse a model or a LoRA that is not the one the file was made with."""
    if studio.identity != record.identity:
        raise InputError(
            f"{file} was made by another model than {studio.model} is now (content "
            f"{record.identity[:12]}, here {studio.identity[:12]}): name that one with --model"
        )
    for now, then in zip(studio.loras, record.loras, strict=True):
        if now.identity != then.identity:
            raise InputError(
                f"{file} was made with another LoRA than {now.name} is now (content "
                f"{then.identity[:12]}, here {now.identity[:12]}): name that one with --lora"
            )


def _placed(used: "Sequence[UsedLora]", folders: list[str], file: str) -> list[str]:
    """A file's LoRAs where they are now, each with its scale."""
    if folders and len(folders) != len(used):
        raise InputError(
            f"{file} was made with {len(used)} LoRAs, and --lora names {len(folders)}: name them "
            "all in order, or none"
        )
    places = folders or [lora.name for lora in used]
    return [f"{place}:{lora.scale}" for place, lora in zip(places, used, strict=True)]


def _difference(before: "Channels", after: "Channels") -> str:
    """What differs, in steps of 16 bits; "" for nothing."""
    if len(before) != len(after):
        return f"different, {len(before)} channels before and {len(after)} now"
    samples = before.shape[-1], after.shape[-1]
    if samples[0] != samples[1]:
        return f"different, {samples[0]} samples before and {samples[1]} now"
    apart = (before.double() - after.double()).abs()
    if not apart.any():
        return ""
    count, most = int((apart > 0).sum()), float(apart.max()) * 32768
    return f"different, {count} samples by up to {most:.4g} of 32768"
