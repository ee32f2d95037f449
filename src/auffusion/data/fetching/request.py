"""What is asked of a fetcher, and what it answers."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from auffusion.data.listing import DataSet
from auffusion.errors import InputError

Count = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]
"""(title, how many there are) to what is told how many more are done."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A data set to fetch."""

    data_set: DataSet
    """Which."""
    folder: Path
    """Where its files go; what is there already is kept."""
    workers: int | None = None
    """How many downloads at a time; None leaves it to the fetcher."""
    limit: int | None = None
    """Most clips to try in this run."""
    retry: bool = False
    """Try the clips again that were gone before."""
    options: Path | None = None
    """A configuration file of yt-dlp."""

    def __post_init__(self) -> None:
        for name, number in (("workers", self.workers), ("limit", self.limit)):
            if number is not None and number < 1:
                raise InputError(f"--{name} {number} fetches nothing: choose 1 or more")

    def check_whole(self, *, workers: bool = False) -> None:
        """Refuse what means nothing for a data set that is published in a few archives.

        Args:
            workers: whether they can be fetched side by side.

        Raises:
            InputError: such an option was given.
        """
        given = {
            "--limit": self.limit is not None,
            "--retry": self.retry,
            "--options": self.options is not None,
            "--workers": self.workers is not None and not workers,
        }
        for option in (name for name, is_given in given.items() if is_given):
            raise InputError(
                f"{self.data_set.name} comes in archives, not clip by clip: leave out {option}"
            )

    def make_folder(self) -> None:
        """Make the folder, unless it is there.

        Raises:
            InputError: it cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"cannot make the folder {self.folder}: {error.strerror or error}; name another"
            ) from error


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What is there now."""

    source: Path
    """What the preparer takes as its source."""
    told: str
    """One sentence."""


Fetcher = Callable[[Request, Count], Fetched]
"""Fetches a data set, showing how far it is; raises `InputError` where it cannot go on."""
