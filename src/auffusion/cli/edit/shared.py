"""The options that all edits share, written once."""

import functools
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

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
    """A command whose parameters that are dataclasses, such as `Shared`, are made of options.

    typer reads a command's options from its signature: this one's is the command's own followed by
    the fields of those dataclasses.
    """
    own = inspect.signature(command).parameters
    groups: dict[str, Any] = {n: p.annotation for n, p in own.items() if is_dataclass(p.annotation)}

    @functools.wraps(command)
    def filled(**given: object) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    kept = [parameter for name, parameter in own.items() if name not in groups]
    added = [parameter for group in groups.values() for parameter in _parameters(group)]
    vars(filled)["__signature__"] = inspect.Signature([*kept, *added])
    filled.__annotations__ = {one.name: one.annotation for one in (*kept, *added)}
    return filled


def _parameters(group: Any) -> list[inspect.Parameter]:  # noqa: ANN401
    hints = typing.get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
    ]
