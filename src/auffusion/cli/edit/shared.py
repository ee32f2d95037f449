"""The options that all edits share, written once."""

import functools
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass, fields

from auffusion.cli import options
from auffusion.cli.choices import Device, Precision, Sampler
from auffusion.studio.settings import FAST_STEPS, Settings


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What every edit is told on the command line; the help stands in `options`."""

    output: options.EditOutput = None
    model: options.Model = "embedded"
    loras: options.Loras = None
    seed: options.EditSeed = 0
    steps: options.Steps = FAST_STEPS
    guidance: options.Guidance = None
    negative: options.Negative = None
    scheduler: options.Scheduler = Sampler.DPM
    device: options.OnDevice = Device.AUTO
    dtype: options.Dtype = Precision.FLOAT32
    kind: options.Format = None
    picture: options.Picture = True
    as_json: options.AsJson = False

    def settings(self, prompt: str, seed: int | None = None) -> Settings:
        """The settings of a record.

        Args:
            prompt: what to hear; "" where nothing is said.
            seed: the chosen one; None chooses as `--seed` says.
        """
        return Settings(
            prompt=prompt,
            negative=self.negative,
            seed=options.chosen_seed(self.seed) if seed is None else seed,
            steps=self.steps,
            guidance=self.guidance,
            scheduler=self.scheduler.value,
            dtype=self.dtype.value,
        )


def with_shared_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose last parameter, `shared`, is made of the options in `Shared`.

    typer reads a command's options from its signature: this one's is the command's own followed by
    those of `Shared`.
    """
    names = [field.name for field in fields(Shared)]

    @functools.wraps(command)
    def filled(**given: object) -> None:
        shared = {name: given.pop(name) for name in names}
        command(**given, shared=Shared(**typing.cast("dict[str, typing.Any]", shared)))

    hints = typing.get_type_hints(Shared, include_extras=True)
    own = inspect.signature(command)
    kept = [one for name, one in own.parameters.items() if name != "shared"]
    added = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in fields(Shared)
    ]
    vars(filled)["__signature__"] = own.replace(parameters=[*kept, *added])
    filled.__annotations__ = {one.name: one.annotation for one in (*kept, *added)}
    return filled
