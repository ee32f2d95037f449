"""What a command shows while it works: on stderr, and only where somebody looks."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Display:
    """A status line while a model loads, then a bar for the sounds and one for the steps."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)

    @contextmanager
    def loading(self, what: str) -> Generator[None]:
        """Show that something takes a while."""
        if self._console.is_terminal:
            with self._console.status(f"loading {what}"):
                yield
        else:
            yield

    @contextmanager
    def bars(self, sounds: int) -> Generator["Bars"]:
        """Show bars; they vanish at the end."""
        progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        with progress:
            yield Bars(progress, sounds)

    @contextmanager
    def count(self, title: str, total: int | None = None) -> Generator[Callable[[int], None]]:
        """A bar that is told how many more are done; without a total it only counts."""
        with self.stages() as begin:
            yield begin(title, total)

    @contextmanager
    def stages(self) -> Generator[Callable[[str, int | None], Callable[[int], None]]]:
        """Bars below each other, each begun by a title and a total, and told how many more."""
        progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.completed:,.0f}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        with progress:

            def begin(title: str, total: int | None) -> Callable[[int], None]:
                task = progress.add_task(title[:40], total=total)
                return lambda more: progress.advance(task, more)

            yield begin

    @contextmanager
    def training(self, steps: int) -> Generator[Callable[[int, str], None]]:
        """A bar that is told how many steps are done, and a line on how they went."""
        progress = Progress(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        with progress:
            task = progress.add_task("", total=steps)
            yield lambda done, line: progress.update(task, completed=done, description=line)


class Bars:
    """The running bars.

    Args:
        progress: where they are shown.
        sounds: how many sounds are to be made; a single one has no bar of its own.
    """

    def __init__(self, progress: Progress, sounds: int) -> None:
        self._progress = progress
        self._sounds = progress.add_task("sounds", total=sounds, visible=sounds > 1)

    @contextmanager
    def sound(self, title: str, steps: int) -> Generator[Callable[[], None]]:
        """A bar for the steps of one sound; what comes out advances it."""
        task = self._progress.add_task(title[:40], total=steps)
        yield lambda: self._progress.advance(task)
        self._progress.remove_task(task)
        self.sound_done()

    def sound_done(self) -> None:
        """Count one sound."""
        self._progress.advance(self._sounds)
