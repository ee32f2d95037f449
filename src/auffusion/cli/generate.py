"""`auffusion generate`: prompts to sound files."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from auffusion.cli import options
from auffusion.cli.choices import Device, Precision, Sampler
from auffusion.cli.plan import (
    Destination,
    PlannedSound,
    choose_destination,
    make_folder,
    plan_sounds,
)
from auffusion.errors import InputError
from auffusion.studio.rows import Row, read_rows
from auffusion.studio.settings import FAST_STEPS, Settings

if TYPE_CHECKING:
    from auffusion.cli.progress import Bars
    from auffusion.studio.studio import Studio


def generate(
    prompts: options.Prompts = None,
    source: options.Source = None,
    output: options.Output = None,
    model: options.Model = "embedded",
    loras: options.Loras = None,
    seed: options.Seed = 0,
    steps: options.Steps = FAST_STEPS,
    guidance: options.Guidance = None,
    negative: options.Negative = None,
    length: options.Length = None,
    count: options.Count = 1,
    scheduler: options.Scheduler = Sampler.DPM,
    device: options.OnDevice = Device.AUTO,
    dtype: options.Dtype = Precision.FLOAT32,
    kind: options.Format = None,
    spectrogram: options.Spectrogram = False,
    as_json: options.AsJson = False,
) -> None:
    """Make sounds from one or many prompts.

    25 steps of DPM-Solver++ by default: four times faster than the 100 steps of the paper at
    nearly its quality. A folder of sounds is resumed where it stopped: files that are finished
    and were made with the same settings stay. Every file carries all its settings.
    """
    rows = _rows(prompts or [], source)
    if count < 1:
        raise InputError(f"--count is {count}, expected 1 or more")
    settings = Settings(
        negative=negative,
        seed=options.chosen_seed(seed),
        steps=steps,
        guidance=guidance,
        length_s=length,
        scheduler=scheduler.value,
        dtype=dtype.value,
    )
    sounds = plan_sounds(rows, settings, count)
    destination = choose_destination(output, kind, len(sounds))
    job = _Job(destination, spectrogram=spectrogram, as_json=as_json)
    job.run(sounds, model=model, device=device.value, dtype=dtype.value, loras=loras or [])


def _rows(prompts: list[str], source: Path | None) -> list[Row]:
    if source is None and not prompts:
        raise InputError(
            'nothing to make: give a prompt, as in auffusion generate "rain", or --from'
        )
    if source is not None and prompts:
        raise InputError("give prompts or --from, not both")
    if source is not None:
        return read_rows(source)
    return [Row(prompt=prompt) for prompt in prompts]


@dataclass(frozen=True)
class _Job:
    """Where the sounds go and what is said about them."""

    destination: Destination
    spectrogram: bool
    as_json: bool

    def run(
        self,
        sounds: list[PlannedSound],
        *,
        model: str,
        device: str,
        dtype: str,
        loras: list[str],
    ) -> None:
        from auffusion.cli.progress import Display

        display = Display()
        with display.loading(model):
            from auffusion.studio.studio import Studio

            studio = Studio(model, device=device, dtype=dtype, loras=loras)
        # All before the first, so that a mistake in the last row shows now.
        complete = [studio.complete(sound.settings) for sound in sounds]
        make_folder(self.destination.folder)
        with display.bars(len(sounds)) as bars:
            for sound, settings in zip(sounds, complete, strict=True):
                self._make(studio, settings, self.destination.path_of(sound), bars)

    def _make(self, studio: "Studio", settings: Settings, path: Path, bars: "Bars") -> None:
        if self._is_done(studio, settings, path):
            bars.sound_done()
            self._report(path, settings, made=False)
            return
        began = time.perf_counter()
        with bars.sound(settings.prompt, settings.steps) as on_step:
            sound = studio.make(settings, on_step)
            sound.write(path, spectrogram=self.spectrogram)
        seconds = time.perf_counter() - began
        self._report(path, settings, made=True, truncated=sound.truncated, seconds=seconds)

    def _is_done(self, studio: "Studio", settings: Settings, path: Path) -> bool:
        if self.destination.file is not None:
            return False  # whoever names one file wants it made
        picture = not self.spectrogram or path.with_suffix(".png").is_file()
        return picture and studio.has_made(path, settings)

    def _report(
        self, path: Path, settings: Settings, *, made: bool, truncated: str = "", seconds: float = 0
    ) -> None:
        if not self.as_json:
            typer.echo(str(path))
            return
        told = {
            "file": str(path),
            "prompt": settings.prompt,
            "seed": settings.seed,
            "made": made,
            "length_s": settings.length_s,
            "truncated": truncated,
            "seconds": round(seconds, 3),
        }
        typer.echo(json.dumps(told))
