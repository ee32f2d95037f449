"""`auffusion vocode`: how much of a sound survives the way to a stage and back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auffusion.cli import options
from auffusion.cli.choices import Device, Stage

if TYPE_CHECKING:
    from auffusion.studio.roundtrip import RoundTrip


def vocode(
    file: Annotated[Path, typer.Argument(help="A WAV, FLAC, OGG or MP3 file of up to 10 minutes.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A .wav or .flac file.", metavar="FILE")
    ],
    through: Annotated[
        Stage,
        typer.Option(
            help="mel: spectrogram and vocoder; image: the picture too; latent: the VAE too."
        ),
    ] = Stage.MEL,
    model: options.Model = "embedded",
    device: options.OnDevice = Device.AUTO,
) -> None:
    """Send a sound to a stage and back, and print what was lost.

    The first number is the mean difference of the log-mel spectrogram at the stage itself, the
    second that of the sound that comes out, the third its log-spectral distance; all in dB.
    """
    from auffusion.audio import inspect_audio, read_audio, write_audio
    from auffusion.cli.plan import choose_destination
    from auffusion.cli.progress import Display
    from auffusion.studio.roundtrip import round_trip
    from auffusion.studio.studio import Studio

    inspect_audio(file)
    place = choose_destination(output, None, 1)
    display = Display()
    with display.loading(model):
        studio = Studio(model, device=device.value)
    rate = studio.pipeline.mel.sample_rate
    waveform = read_audio(file, sample_rate=rate)
    result = round_trip(studio.pipeline, waveform, through.value)
    path = place.file or place.folder / f"{file.stem}.{place.kind}"
    write_audio(path, result.waveform, sample_rate=rate)
    typer.echo(f"{path}: {_told(result, through)}")


def _told(result: "RoundTrip", through: Stage) -> str:
    return (
        f"log-mel error {result.stage_error_db:.2f} dB at the {through.value} stage, "
        f"{result.sound_error_db:.2f} dB in the sound; "
        f"log-spectral distance {result.spectral_distance_db:.2f} dB"
    )
