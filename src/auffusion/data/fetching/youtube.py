"""Clips of videos at YouTube: AudioCaps and VGGSound, whose lists the user puts in the folder.

Each clip goes to `audio/ID_START.flac`, where the preparers find it; what they find already, under
whatever name, is not fetched. A run that was killed is started again and goes on. What is gone is
kept in `fetch_rejects.jsonl` and not asked for again unless told so.

Two downloads run at a time unless more are asked for: YouTube serves a session some 300 videos an
hour (https://github.com/yt-dlp/yt-dlp/wiki/Extractors) and then refuses. After a few refusals in a
row the run ends, and is continued later.
"""

import shutil
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from auffusion.data.fetching.answers import Answer
from auffusion.data.fetching.clip_download import MakeClipDownloader, yt_dlp_command
from auffusion.data.fetching.gone_clips import GONE_CLIPS, GoneClips
from auffusion.data.fetching.request import Count, Fetched, Request
from auffusion.data.fetching.video_clip import VideoClip, missing_clips
from auffusion.errors import InputError
from auffusion.executor import LocalExecutor, Outcome, Status, Unit, locked, sweep

SOUNDS = "audio"
"""The folder of the fetched sounds, in the data set's."""

_WORK = ".fetching"
_WORKERS = 2
_MOST_IN_A_ROW = 5


def fetch_youtube(request: Request, count: Count) -> Fetched:
    """Fetch the clips that the preparer misses.

    Raises:
        InputError: no lists in the folder, no yt-dlp, several refusals or failures in a row, or
            the disk is full.
    """
    folder = request.folder
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: make it, with {request.data_set.layout}")
    if request.options is not None and not request.options.is_file():
        raise InputError(f"{request.options} is no configuration file of yt-dlp: name one")
    command = yt_dlp_command()
    with locked(folder), _places(folder) as (sounds, work), closing(GoneClips(folder)) as gone:
        missing = _missing(request)
        wanted = [clip for clip in missing if request.retry or clip not in gone]
        job = MakeClipDownloader(
            command=command,
            folder=sounds.absolute(),
            work=work.absolute(),
            options=request.options.absolute() if request.options else None,
        )
        run = _Run(gone)
        run.fetch(job, wanted[: request.limit], request.workers or _WORKERS, count)
    return Fetched(source=folder, told=run.told(len(missing)))


@contextmanager
def _places(folder: Path) -> Generator[tuple[Path, Path]]:
    """The folder of the sounds, and a hidden one beside it that vanishes."""
    sounds, work = folder / SOUNDS, folder / _WORK
    shutil.rmtree(work, ignore_errors=True)
    for place in (sounds, work):
        place.mkdir(exist_ok=True)
    sweep(sounds)
    try:
        yield sounds, work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _missing(request: Request) -> list[VideoClip]:
    with TemporaryDirectory() as work:
        return list(missing_clips(request.data_set.read(request.folder, Path(work))))


class _Run:
    """One run: what came of the clips, and whether it is time to stop.

    Args:
        gone: the clips that cannot be had.
    """

    def __init__(self, gone: GoneClips) -> None:
        self._gone = gone
        self._answers: Counter[Answer] = Counter()
        self._in_a_row = 0
        self._error = ""
        self._answer = Answer.FETCHED
        self._is_over = False

    def fetch(
        self, job: MakeClipDownloader, wanted: Sequence[VideoClip], workers: int, count: Count
    ) -> None:
        """Fetch clips.

        Raises:
            InputError: YouTube refuses, or nothing works, or the disk is full.
        """
        clips = {clip.name: clip for clip in wanted}
        outcomes = LocalExecutor(workers=workers).map(job, self._units(wanted))
        with closing(outcomes), count("clips", len(wanted)) as more:
            for outcome in outcomes:
                self._hear(clips[outcome.id], outcome)
                more(1)
        if self._is_over:
            raise InputError(self._parting())

    def told(self, missing: int) -> str:
        """What there is to say at the end, where so many clips were missing at the start."""
        numbers = self._answers
        left = missing - numbers[Answer.FETCHED]
        told = (
            f"fetched {numbers[Answer.FETCHED]:,} clips, {left:,} are not there: "
            f"{numbers[Answer.GONE]:,} were found to be gone ({GONE_CLIPS})"
        )
        failed = numbers[Answer.FAILED] + numbers[Answer.REFUSED]
        if not failed:
            return told
        return f"{told}, {failed:,} failed and can be tried again ({self._error})"

    def _units(self, wanted: Sequence[VideoClip]) -> Iterator[Unit]:
        for clip in wanted:
            # Those that run are let finish: the run is over when no more are handed out.
            if self._is_over:
                return
            yield Unit(id=clip.name, payload=clip)

    def _hear(self, clip: VideoClip, outcome: Outcome) -> None:
        if outcome.status is Status.REJECTED:
            raise InputError(outcome.reason)
        answer = Answer(outcome.facts.get("answer", Answer.FAILED))
        error = outcome.reason or str(outcome.facts.get("error", ""))
        self._answers[answer] += 1
        if answer in {Answer.FETCHED, Answer.GONE}:
            self._in_a_row = 0
        else:
            self._answer, self._error = answer, error
            self._in_a_row += 1
            self._is_over |= self._in_a_row >= _MOST_IN_A_ROW
        if answer is Answer.FETCHED:
            self._gone.discard(clip)
        elif answer is Answer.GONE:
            self._gone.add(clip, error)

    def _parting(self) -> str:
        so_far = f"{self._answers[Answer.FETCHED]:,} clips of this run are kept"
        if self._answer is Answer.REFUSED:
            return (
                f"YouTube refused {_MOST_IN_A_ROW} clips in a row ({self._error}); {so_far}: wait "
                "an hour and run the command again, with fewer --workers, or with --options FILE "
                "of yt-dlp that has --sleep-interval or --cookies"
            )
        return (
            f"{_MOST_IN_A_ROW} clips in a row failed ({self._error}); {so_far}: see to the "
            "connection, update yt-dlp, and run the command again"
        )
