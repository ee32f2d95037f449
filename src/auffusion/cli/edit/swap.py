"""`auffusion edit swap`: other words in the place of a prompt's."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import typer

from auffusion.cli import options
from auffusion.cli.edit.shared import Shared, with_shared_options
from auffusion.cli.edit.words import WordEdit, WordOptions
from auffusion.studio.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Swap(WordEdit):
    """Exchange words."""

    kind: ClassVar[str] = "swap"

    def edited(self, pipeline: Any, settings: Settings, **options: Any) -> Any:  # noqa: ANN401
        """The source and the other words."""
        return pipeline.swap(self.source, settings.prompt, **options)


@with_shared_options
def swap(
    prompt: options.EditPrompt,
    targets: Annotated[
        list[str], typer.Argument(help="The same with other words; an edit each.", metavar="TARGET")
    ],
    *,
    told: WordOptions,
    shared: Shared,
) -> None:
    """Say the same scene with other words: gunshots become speeches, a huge hall a small one.

    The new words are heard where the old ones were; the rest stays. What PROMPT itself sounds like,
    auffusion generate makes with the same seed. A prompt may weight its words: a (cat:1.5) meowing.
    """
    told.run([(target, Swap(**told.of(prompt))) for target in targets], shared)
