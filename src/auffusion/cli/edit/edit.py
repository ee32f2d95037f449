"""What one kind of edit must tell, so that all of them are run, recorded and repeated alike."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from auffusion.studio.settings import Settings

if TYPE_CHECKING:
    from auffusion.audio.channels import Channels
    from auffusion.audio.encoding import Encoding
    from auffusion.cli.edit.source import Source
    from auffusion.image import Panel


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an edit gives back."""

    channels: "Channels"
    """The sound, [channel time] in [-1, 1]."""
    rate: int
    """Its rate in Hz."""
    after: "Panel"
    """Its spectrogram, titled and marked."""
    before: "Panel | None" = None
    """That of what was edited, to stand above it."""
    encoding: "Encoding" = "PCM_16"
    """What its samples are in a file; the recording's own where they are kept."""
    truncated: str = ""
    """What the prompt lost because it was too long."""
    notes: Mapping[str, float | str] = field(default_factory=dict[str, float | str])
    """What was found on the way and is worth telling, such as an error in dB."""


@runtime_checkable
class Edit(Protocol):
    """One kind of edit: a frozen dataclass of the options that decide it beside the settings.

    Its fields go into the record of every file as JSON (`edit_options`) and come back from there
    (`kinds.read_edit`): numbers, texts, None, and tuples of them.
    """

    kind: ClassVar[str]
    """Its name: that of its command and of the records."""
    keeps_samples: ClassVar[bool]
    """Whether samples of the recording stay in the result, in their own encoding."""

    def predictions(self, steps: int) -> int:
        """How often the network is asked; the length of the progress bar."""
        ...

    def apply(
        self,
        pipeline: Any,  # noqa: ANN401 - an AuffusionPipeline, too heavy for a help page
        settings: Settings,
        source: "Source | None",
        on_step: Callable[..., Any],
    ) -> Outcome:
        """Make the sound.

        Args:
            pipeline: an `AuffusionPipeline`, its scheduler the one of the settings.
            settings: complete; all that decides a sound besides the edit.
            source: the recording; None where the prompt alone is edited.
            on_step: a `StepHook` that advances the progress bar.

        Raises:
            InputError: what was asked for cannot be done with this model or recording.
        """
        ...


def edit_options(edit: Edit) -> dict[str, Any]:
    """The options of an edit as JSON has them."""
    values: dict[str, Any] = asdict(edit)  # pyright: ignore[reportArgumentType] - a dataclass
    return {name: as_json(value) for name, value in values.items()}


def as_json(value: Any) -> Any:  # noqa: ANN401
    """A value of an option as it comes back from JSON: tuples as lists."""
    if isinstance(value, tuple):
        return [as_json(one) for one in value]  # pyright: ignore[reportUnknownVariableType]
    return value
