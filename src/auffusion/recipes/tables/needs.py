"""What a table needs, and what of it is not here: told before anything is made."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from auffusion.errors import InputError
from auffusion.evaluate.extractors import Choice, load_extractor
from auffusion.evaluate.weights import WeightsPlace
from auffusion.hub import HubOptions, is_hub_id
from auffusion.pipeline.hub import model_folder


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """What a table is made with."""

    device: str = "cpu"
    """Where networks run."""
    download: bool = False
    """Whether weights that are not here may be fetched."""
    weights: Path | None = None
    """Folder of the weights that are measured with; None is the usual one."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """One thing."""

    kind: str
    """`data`, `list`, `captions`, `model`, `package` or `weights`."""
    what: str
    """Its name."""
    lack: str = ""
    """Why it is not here, and how it is had; empty where it is."""
    fetched: bool = False
    """Whether it will be downloaded."""

    @property
    def missing(self) -> bool:
        """Whether nothing can begin without it."""
        return bool(self.lack) and not self.fetched

    def told(self) -> str:
        """A line."""
        state = "missing" if self.missing else "to be fetched" if self.fetched else "here"
        return f"{state:<14}{self.kind:<10}{self.what}{self.lack and f': {self.lack}'}"


def found_or_lacking(
    kind: str, what: str, find: Callable[[], object], *, fetched: bool = False
) -> Need:
    """The need of something that `find` finds, or says in an `InputError` why it does not."""
    try:
        find()
    except InputError as error:
        return Need(kind=kind, what=what, lack=str(error), fetched=fetched)
    return Need(kind=kind, what=what)


def model_need(model: str, how: str, equipment: Equipment) -> Need:
    """The need of one of our models.

    Args:
        model: "embedded", a folder, or a repository of the hub.
        how: how a folder is had.
        equipment: whether it may be fetched.
    """
    fetched = equipment.download and is_hub_id(model) and not Path(model).is_dir()

    def find() -> None:
        try:
            model_folder(model, HubOptions(local_files_only=True))
        except InputError as error:
            if not is_hub_id(model):
                advice = f"; {how}" if how else ""
                raise InputError(f"there is no such folder{advice}") from error
            raise InputError("not on this machine; --download fetches it") from error

    return found_or_lacking("model", model, find, fetched=fetched)


def weights_needs(extractors: Iterator[str], equipment: Equipment) -> Iterator[Need]:
    """The needs of networks that measure; nothing is fetched yet."""
    place = WeightsPlace(folder=equipment.weights)
    for name in extractors:
        # What comes in a package is never fetched from elsewhere.
        fetched = equipment.download and name != "aisfx"
        yield found_or_lacking(
            "weights",
            name,
            lambda name=name: load_extractor(name, Choice(place=place)),
            fetched=fetched,
        )
