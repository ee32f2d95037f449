"""Which sounds are to be made, under which names, in which files."""

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from auffusion.cli.choices import FileKind
from auffusion.errors import InputError
from auffusion.files import check_writable as check_writable
from auffusion.files import make_folder as make_folder
from auffusion.studio.rows import Row
from auffusion.studio.settings import Settings

_LONGEST_SLUG = 60


@dataclass(frozen=True, kw_only=True)
class PlannedSound:
    """One sound to make."""

    name: str
    """File name without its ending."""
    settings: Settings
    """What decides it."""


def plan_sounds(rows: Iterable[Row], settings: Settings, count: int) -> list[PlannedSound]:
    """Every sound of the rows.

    Sample k (0, 1, …) of a row has the seed s + k, where s is the row's own seed or else that of
    `settings`. So a sound depends on its own prompt and seed alone: order, neighbours and a
    restart change nothing. A row that stands twice counts twice: its samples go on where the
    first ended.

    Args:
        rows: the prompts.
        settings: what the rows do not say.
        count: samples of each row.

    Raises:
        InputError: two sounds would have the same name, or a number is out of range.
    """
    seen: Counter[Row] = Counter()
    sounds: list[PlannedSound] = []
    for row in rows:
        first = settings.seed if row.seed is None else row.seed
        start = first + count * seen[row]
        seen[row] += 1
        for seed in range(start, start + count):
            made = replace(
                settings,
                prompt=row.prompt,
                negative=settings.negative if row.negative is None else row.negative,
                length_s=settings.length_s if row.length_s is None else row.length_s,
                seed=seed,
            )
            numbered = count > 1 or seen[row] > 1
            sounds.append(PlannedSound(name=_name(row, seed, numbered=numbered), settings=made))
    _refuse_same_names(sounds)
    return sounds


def _refuse_same_names(sounds: list[PlannedSound]) -> None:
    # Some disks do not tell capitals apart.
    counts = Counter(sound.name.casefold() for sound in sounds)
    name, most = counts.most_common(1)[0]
    if most > 1:
        raise InputError(
            f"{most} sounds would be named {name}: give each row a name or a seed of its own"
        )


def _name(row: Row, seed: int, *, numbered: bool) -> str:
    if row.name is not None:
        return f"{row.name}_{seed}" if numbered else row.name
    return f"{slug(row.prompt, row.negative, row.length_s)}_{seed}"


def slug(prompt: str, negative: str | None = None, length_s: float | None = None) -> str:
    """A file name for a prompt; it depends on nothing else.

    Six digits of a hash follow where the words alone could mean another sound.

    >>> slug("a dog barking"), slug("A dog, barking!")
    ('a_dog_barking', 'a_dog_barking_e781bb')
    """
    letters = unicodedata.normalize("NFKC", prompt).lower()
    words = re.sub(r"[\W_]+", "_", letters).strip("_")
    # Cut by bytes, of which a name may have 255.
    words = words.encode()[:_LONGEST_SLUG].decode(errors="ignore").strip("_")
    if words and (words.replace("_", " "), negative, length_s) == (prompt, None, None):
        return words
    told = json.dumps([prompt, negative, length_s])
    return f"{words}_{hashlib.sha256(told.encode()).hexdigest()[:6]}".lstrip("_")


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where the sounds go."""

    folder: Path
    """Their folder."""
    kind: FileKind
    """Their format."""
    file: Path | None = None
    """The one file, when it was named."""

    def path_of(self, sound: PlannedSound) -> Path:
        """The file of a sound."""
        return self.file or self.folder / f"{sound.name}.{self.kind}"


def choose_destination(output: Path | None, kind: FileKind | None, count: int) -> Destination:
    """What `--output` and `--format` mean for so many sounds.

    A name that ends in .wav or .flac is a file, any other a folder; without one the files go to
    the current folder.

    Raises:
        InputError: one file for many sounds, a format and a file name that contradict each
            other, or a place that cannot be written to.
    """
    suffix = "" if output is None else output.suffix.lower().removeprefix(".")
    if output is None or output.is_dir() or suffix not in set(FileKind):
        _refuse_other_sound_files(output, suffix)
        folder = output or Path()
        check_writable(folder)
        return Destination(folder=folder, kind=kind or FileKind.WAV)
    if count > 1:
        raise InputError(f"{count} sounds do not fit into the one file {output}: name a folder")
    if kind is not None and kind != suffix:
        raise InputError(f"--format {kind} and the file name {output} contradict each other")
    if not output.parent.is_dir():
        raise InputError(f"cannot write {output}: its folder does not exist")
    check_writable(output.parent)
    return Destination(folder=output.parent, kind=FileKind(suffix), file=output)


def _refuse_other_sound_files(output: Path | None, suffix: str) -> None:
    if output is not None and suffix in {"mp3", "ogg", "opus", "m4a", "aac", "aiff", "aif"}:
        raise InputError(f"cannot write {output}: its name must end in .wav or .flac")
