"""`auffusion regenerate`: the same samples again, from the file alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auffusion.cli import options
from auffusion.cli.choices import Device
from auffusion.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from auffusion.cli.settings import UsedLora

DIFFERENT = 1
"""Exit status when the samples are not the same."""


def regenerate(
    file: Annotated[Path, typer.Argument(help="A file made by auffusion generate.")],
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
    device: options.OnDevice = Device.AUTO,
) -> None:
    """Make a file's samples again and say whether they are identical (status 0) or not (1).

    Prompt, seed, settings and model are read from the file. Another device, number of threads or
    version of torch may change the last bits.
    """
    from auffusion.audio import inspect_audio
    from auffusion.cli.plan import choose_destination
    from auffusion.cli.progress import Display
    from auffusion.cli.studio import Studio, read_record, read_samples

    record = read_record(file)
    before = read_samples(file)
    if output is not None:
        place = choose_destination(output, None, 1)
        output = place.file or place.folder / file.name
    display = Display()
    with display.loading(model or record.model):
        studio = Studio(
            model or record.model,
            device=device.value,
            dtype=record.settings.dtype,
            loras=_placed(record.loras, loras or [], str(file)),
        )
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
    with display.bars(1) as bars, bars.sound(file.name, record.settings.steps) as on_step:
        sound = studio.make(record.settings, on_step)
    if output is not None:
        sound.write(output)
    same_rate = inspect_audio(file).sample_rate == sound.sample_rate
    difference = _difference(before, sound.samples) if same_rate else "another sample rate"
    typer.echo(f"{file}: {difference or f'identical, {len(before)} samples'}")
    if difference:
        raise typer.Exit(DIFFERENT)


def _placed(used: "Sequence[UsedLora]", folders: list[str], file: str) -> list[str]:
    """A file's LoRAs where they are now, each with its scale."""
    if folders and len(folders) != len(used):
        raise InputError(
            f"{file} was made with {len(used)} LoRAs, and --lora names {len(folders)}: name them "
            "all in order, or none"
        )
    places = folders or [lora.name for lora in used]
    return [f"{place}:{lora.scale}" for place, lora in zip(places, used, strict=True)]


def _difference(before: "NDArray[np.int16]", after: "NDArray[np.int16]") -> str:
    if len(before) != len(after):
        return f"different, {len(before)} samples before and {len(after)} now"
    apart = abs(before.astype("int32") - after.astype("int32"))
    if not apart.any():
        return ""
    return f"different, {int((apart > 0).sum())} samples by up to {int(apart.max())} of 32768"
