"""Sound files to features: each file decoded once, for every network that is asked for.

Files go to an executor in units; a unit's worker decodes them, prepares each once for every rate
and way that some network wants, and puts what the cache lacks into it. So a run that was stopped
goes on where it was, other processes and machines can help (on one shared disk), and nothing but
reports comes back through the executor. No file is passed over or replaced by another: what cannot
be read is told.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auffusion.errors import InputError
from auffusion.evaluate.embedding_cache import EmbeddingCache, shelf_of
from auffusion.evaluate.extractor import FeatureExtractor
from auffusion.evaluate.heard_sound import HeardSound, hear
from auffusion.evaluate.inference import torch_threads
from auffusion.evaluate.waiting_sounds import WaitingSounds
from auffusion.executor import Executor, Outcome, SerialExecutor, Status, Unit

OnSounds = Callable[[Sequence[HeardSound]], None]
"""Told of the files of each unit as it is done."""


@dataclass(frozen=True, kw_only=True)
class EmbeddingOptions:
    """How the work is cut; it changes features by no more than the last bits of a float."""

    batch_s: float = 160.0
    """Seconds of sound that a network hears at once."""
    unit_files: int = 32
    """Files of a unit, which is what a killed run loses at most."""
    threads: int | None = None
    """Of torch in each process; None leaves them as they are. Processes that share a machine's
    cores do best with one each."""

    def __post_init__(self) -> None:
        threads = 1 if self.threads is None else self.threads
        if not self.batch_s > 0 or self.unit_files < 1 or threads < 1:
            raise InputError(
                f"batches of {self.batch_s:g} s, units of {self.unit_files} files and "
                f"{self.threads} threads do no work: each must be above zero"
            )


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """What is known of a list of files."""

    sounds: tuple[HeardSound, ...]
    """In the order they were asked for, those that cannot be read among them."""
    cache: EmbeddingCache
    """Where the features are."""
    shelves: dict[str, str]
    """The cache's shelf of each extractor, by its name."""
    computed: int
    """Entries that the cache did not have."""
    damaged: tuple[str, ...]
    """A sentence for each entry that was damaged and computed again."""

    @property
    def readable(self) -> tuple[HeardSound, ...]:
        """Those that have features, in order."""
        return tuple(sound for sound in self.sounds if not sound.fault)

    @property
    def faults(self) -> tuple[HeardSound, ...]:
        """Those that could not be read."""
        return tuple(sound for sound in self.sounds if sound.fault)

    def of_each(self, extractor: str, array: str) -> Iterator[NDArray[np.float32]]:
        """The array of each readable sound, in order: [dimension], or [part, dimension].

        Only one is in memory at a time.

        Raises:
            InputError: the cache lost an entry since, or a name is not known.
        """
        if extractor not in self.shelves:
            raise InputError(f"'{extractor}' was not asked for: {', '.join(self.shelves)} were")
        for sound in self.readable:
            features = self.cache.read(self.shelves[extractor], sound.digest)
            if features is None:
                raise InputError(
                    f"{self.cache.folder} lost the features of {sound.path}: embed it again"
                )
            if array not in features:
                raise InputError(
                    f"{extractor} gives no '{array}', but {', '.join(sorted(features))}"
                )
            yield features[array]

    def rows(self, extractor: str, array: str) -> NDArray[np.float32]:
        """The rows of all readable sounds, one behind the other: [row, dimension].

        Raises:
            InputError: as for `of_each`, or there is no readable sound.
        """
        found = [np.atleast_2d(rows) for rows in self.of_each(extractor, array)]
        if not found:
            raise InputError(f"there is no sound to measure among {len(self.sounds)} files")
        return np.concatenate(found)


def embed_sounds(
    files: Sequence[Path],
    extractors: Sequence[FeatureExtractor],
    cache: EmbeddingCache,
    *,
    executor: Executor | None = None,
    options: EmbeddingOptions | None = None,
    on_sounds: OnSounds = lambda _: None,
) -> Embedded:
    """Features of sound files, from the cache or computed into it.

    Args:
        files: sounds of any common kind, at any rate.
        extractors: whose features are wanted.
        cache: of features; on several machines, a folder that all of them see.
        executor: who does the work; None is this process.
        options: how the work is cut.
        on_sounds: told of files as they are done.

    Raises:
        InputError: two extractors of one name, weights that do not fit, a full disk, or a process
            that died more often than it may. A file that cannot be read is no error here.
    """
    options = options or EmbeddingOptions()
    shelves = {one.name: shelf_of(one) for one in extractors}
    if len(shelves) != len(extractors):
        raise InputError("two extractors have one name: ask for each once")
    worker = MakeEmbedder(extractors=tuple(extractors), cache=cache, options=options)
    found: dict[int, HeardSound] = {}
    computed, damaged = 0, list[str]()
    for outcome in (executor or SerialExecutor()).map(worker, _units(files, options.unit_files)):
        _check(outcome)
        sounds = {place: HeardSound(**told) for place, told in outcome.facts["sounds"]}
        found |= sounds
        computed += outcome.facts["computed"]
        damaged += outcome.facts["damaged"]
        on_sounds(list(sounds.values()))
    return Embedded(
        sounds=tuple(found[place] for place in range(len(files))),
        cache=cache,
        shelves=shelves,
        computed=computed,
        damaged=tuple(damaged),
    )


def _units(files: Sequence[Path], unit_files: int) -> Iterator[Unit]:
    # Files of one size are mostly sounds of one length, which fill a batch.
    order = sorted(range(len(files)), key=lambda place: _size(files[place]))
    for start in range(0, len(order), unit_files):
        payload = [(place, files[place]) for place in order[start : start + unit_files]]
        yield Unit(id=f"sounds-{start // unit_files:06d}", payload=payload)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except (OSError, ValueError):
        return 0  # it is told when it is read


def _check(outcome: Outcome) -> None:
    if outcome.status in {Status.FAILED, Status.REJECTED}:
        raise InputError(
            f"{outcome.id} could not be embedded ({outcome.reason}): run the same command again "
            "to go on"
        )


@dataclass(frozen=True, kw_only=True)
class MakeEmbedder:
    """Makes workers; sent to every process."""

    extractors: tuple[FeatureExtractor, ...]
    """Whose features are wanted."""
    cache: EmbeddingCache
    """Where they are kept."""
    options: EmbeddingOptions
    """How the work is cut."""

    def __call__(self) -> "Embedder":
        """A worker, whose networks are loaded when something is to be computed."""
        return Embedder(self)


class Embedder:
    """Embeds the files of one unit after the other."""

    def __init__(self, job: MakeEmbedder) -> None:
        self._job = job

    def __call__(self, unit: Unit) -> Outcome:
        """Put the features of the unit's files into the cache, and tell of the files."""
        job, told = self._job, list[tuple[int, HeardSound]]()
        waiting = WaitingSounds(job.extractors, job.cache, batch_s=job.options.batch_s)
        with torch_threads(job.options.threads):
            for place, path in unit.payload:
                sound, channels = hear(path)
                if not sound.fault:
                    waiting.add(sound, channels)
                told.append((place, replace(sound, padded_for=self._padded_for(sound))))
            waiting.finish()
        facts = {
            "sounds": [(place, asdict(sound)) for place, sound in told],
            "computed": waiting.computed,
            "damaged": waiting.damaged,
        }
        status = Status.DONE if waiting.computed else Status.SKIPPED
        return Outcome(id=unit.id, status=status, facts=facts)

    def _padded_for(self, sound: HeardSound) -> tuple[str, ...]:
        return tuple(
            one.name
            for one in self._job.extractors
            if not sound.fault and one.hearing.pads(sound.frames, sound.sample_rate)
        )
