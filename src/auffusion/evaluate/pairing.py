"""Which generated clip belongs to which reference, and whether all of them are there.

Other suites replace what they cannot read by another clip, leave out what has no partner, or print
-1 for the score. Here nothing is replaced, and what is missing is an error until somebody says how
many may be.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from auffusion.audio.decoder import AudioInfo, inspect_audio
from auffusion.data.folders import SOUND_SUFFIXES, UNREAD_SUFFIXES
from auffusion.errors import InputError

_SUFFIXES = SOUND_SUFFIXES | UNREAD_SUFFIXES  # those that cannot be read are told, not passed over

_TOLD = 3


@dataclass(frozen=True, kw_only=True)
class Sound:
    """A file that can be measured."""

    name: str
    """Its name without the ending, by which it is matched."""
    path: Path
    """Where it lies."""
    info: AudioInfo
    """What its header says."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The sounds of one side, sorted by name."""

    place: str
    """The folder or list."""
    sounds: tuple[Sound, ...]
    """All of them can be opened and no two have one name."""
    ignored: tuple[str, ...]
    """Names of what lay beside them and is no sound: captions, pictures, folders, caches."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the sounds."""
        return tuple(sound.name for sound in self.sounds)

    def only(self, names: Iterable[str]) -> "Listing":
        """The sounds of these names."""
        wanted = set(names)
        chosen = tuple(sound for sound in self.sounds if sound.name in wanted)
        return Listing(place=self.place, sounds=chosen, ignored=self.ignored)


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Two sides, clip k of the one belonging to clip k of the other where they are paired."""

    reference: Listing
    """The recordings."""
    generated: Listing
    """What was made."""
    paired: bool
    """Whether they were matched by name."""
    missing: tuple[str, ...] = ()
    """References that nothing was generated for; they were left out."""
    extra: tuple[str, ...] = ()
    """Generated clips without a reference; they were left out."""


def list_sounds(place: Path) -> Listing:
    """The sounds of a folder, or of a text file that names one a line.

    Folders in the folder are not looked into; names in a list are relative to it.

    Args:
        place: a folder, or a `.txt` file.

    Raises:
        InputError: no such folder or list, no sound in it, files that cannot be opened as sound, or
            two that have one name up to the ending.
    """
    paths, ignored = _listed(place) if place.suffix.lower() == ".txt" else _entries(place)
    return make_listing(str(place), paths, ignored)


def make_listing(place: str, paths: Iterable[Path], ignored: Iterable[str] = ()) -> Listing:
    """A listing of these files.

    Args:
        place: for sentences.
        paths: of sounds.
        ignored: names of what else was there.

    Raises:
        InputError: as for `list_sounds`.
    """
    found = sorted(paths, key=lambda path: (path.stem, path.name))
    if not found:
        raise InputError(f"{place} holds no sound: expected .wav, .flac, .ogg or .mp3 files")
    _refuse_same_names(place, found)
    return Listing(
        place=place, sounds=tuple(_inspected(place, found)), ignored=tuple(sorted(ignored))
    )


def pair(
    generated: Listing, reference: Listing, *, allow_missing: int = 0, paired: bool = True
) -> Pairing:
    """Match two sides by name.

    Args:
        generated: what was made.
        reference: the recordings.
        allow_missing: so many names may be on one side only; they are left out of all scores.
        paired: False leaves both sides as they are, for scores that need no pairs.

    Raises:
        InputError: more names are on one side only, or none is on both.
    """
    if not paired:
        return Pairing(reference=reference, generated=generated, paired=False)
    ours, theirs = set(reference.names), set(generated.names)
    missing, extra = tuple(sorted(ours - theirs)), tuple(sorted(theirs - ours))
    if not ours & theirs or len(missing) + len(extra) > allow_missing:
        raise InputError(_unmatched(generated, reference, missing, extra))
    return Pairing(
        reference=reference.only(theirs),
        generated=generated.only(ours),
        paired=True,
        missing=missing,
        extra=extra,
    )


def list_hash(names: Sequence[str]) -> str:
    """SHA-256 of the names, in their order: two scores of one list have the same.

    >>> list_hash(["a", "b"])[:12], list_hash(["ab"])[:12]
    ('59b271ae1bbc', 'fb8e20fc2e4c')
    """
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogateescape")).hexdigest()


def _entries(folder: Path) -> tuple[list[Path], list[str]]:
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise InputError(
            f"cannot read {folder}: {error.strerror or error}; name a folder of sounds or a .txt "
            "list of them"
        ) from error
    sounds = [one for one in entries if _is_sound(one)]
    return sounds, [one.name for one in entries if not _is_sound(one)]


def _is_sound(path: Path) -> bool:
    # macOS puts a hidden `._a.wav` beside an `a.wav`.
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".") and not path.is_dir()


def _listed(path: Path) -> tuple[list[Path], list[str]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    return [path.parent / line.strip() for line in lines if line.strip()], []


def _refuse_same_names(place: str, paths: Sequence[Path]) -> None:
    by_name: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        by_name[path.stem].append(path.name)
    doubled = [files for files in by_name.values() if len(files) > 1]
    if doubled:
        raise InputError(
            f"{place} has {len(doubled)} names twice, such as {' and '.join(doubled[0])}: which of "
            "them counts? Remove the others"
        )


def _inspected(place: str, paths: Sequence[Path]) -> list[Sound]:
    sounds: list[Sound] = []
    bad: list[str] = []
    for path in paths:
        try:
            sounds.append(Sound(name=path.stem, path=path, info=inspect_audio(path)))
        except InputError as error:
            bad.append(str(error))
    if bad:
        raise InputError(
            f"{len(bad)} of {len(paths)} files of {place} cannot be read, and no other takes their "
            f"place: {'; '.join(bad[:_TOLD])}{'; …' if len(bad) > _TOLD else ''}"
        )
    return sounds


def _unmatched(
    generated: Listing, reference: Listing, missing: Sequence[str], extra: Sequence[str]
) -> str:
    parts = [
        f"{len(names)} {what} ({', '.join(names[:_TOLD])}{', …' if len(names) > _TOLD else ''})"
        for what, names in (
            (f"clips of {reference.place} have no generated one", missing),
            (f"of {generated.place} have no reference", extra),
        )
        if names
    ]
    if len(missing) == len(reference.sounds):
        return f"no name is in both: {'; '.join(parts)}; name folders whose files are called alike"
    unmatched = len(missing) + len(extra)
    return (
        f"{' and '.join(parts)}: complete both, or leave them out of all scores with "
        f"--allow-missing {unmatched}"
    )
