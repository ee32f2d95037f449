"""`auffusion edit refine`: more words to a prompt."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import typer

from auffusion.cli import options
from auffusion.cli.edit.shared import Shared, with_shared_options
from auffusion.cli.edit.words import WordEdit, WordOptions
from auffusion.studio.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Refine(WordEdit):
    """Add words."""

    kind: ClassVar[str] = "refine"

    def edited(self, pipeline: Any, settings: Settings, **options: Any) -> Any:  # noqa: ANN401
        """The source and the refined one."""
        return pipeline.refine(self.source, settings.prompt, **options)


@with_shared_options
def refine(
    prompt: options.EditPrompt,
    targets: Annotated[
        list[str], typer.Argument(help="The same and more words; an edit each.", metavar="TARGET")
    ],
    *,
    told: WordOptions,
    shared: Shared,
) -> None:
    """Add words to a scene: the others are heard where they were.

    What PROMPT itself sounds like, auffusion generate makes with the same seed.
    """
    told.run([(target, Refine(**told.of(prompt))) for target in targets], shared)
