"""`auffusion edit reweight`: words of a prompt louder, softer or turned around."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import typer

from auffusion.cli import options
from auffusion.cli.edit.shared import Shared, with_shared_options
from auffusion.cli.edit.words import WordEdit, WordOptions, read_weights
from auffusion.studio.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Reweight(WordEdit):
    """Weight words."""

    kind: ClassVar[str] = "reweight"

    weights: tuple[tuple[str | int, float], ...]
    """Words, by themselves or by index, and their weights."""

    def edited(self, pipeline: Any, settings: Settings, **options: Any) -> Any:  # noqa: ANN401, ARG002
        """The source and the weighted one."""
        return pipeline.reweight(self.source, dict(self.weights), **options)

    def title(self, settings: Settings) -> str:
        """The weights and the prompt."""
        told = ", ".join(f"{word} = {weight:g}" for word, weight in self.weights)
        return f"{told} in {settings.prompt}"


@with_shared_options
def reweight(
    prompt: options.EditPrompt,
    weights: Annotated[
        list[str],
        typer.Argument(
            help="A word and its weight, as in chopping=2; several weights, chopping=0,1,2, give "
            "an edit each.",
            metavar="WORD=WEIGHT",
        ),
    ],
    *,
    told: WordOptions,
    shared: Shared,
) -> None:
    """Weight words of a scene: 1 changes nothing, 0 takes a word away, below 0 turns it around.

    The edit keeps to the source's attention; a weight within a prompt, as in auffusion generate "a
    man (chopping:2) wood", does without a source.
    """
    each = [tuple(one.items()) for one in read_weights(weights, prompt)]
    told.run([(prompt, Reweight(weights=one, **told.of(prompt))) for one in each], shared)
