"""One clip at a time through yt-dlp, https://github.com/yt-dlp/yt-dlp: the work of a process.

yt-dlp is run as a command, so that a new one, which YouTube makes necessary every few weeks, needs
no change here. Only the ten seconds are fetched (`--download-sections`, for which it needs ffmpeg),
of the best sound without the picture, and stored as FLAC: about a megabyte a clip. Since 2025 it
also wants a JavaScript runtime for YouTube (https://github.com/yt-dlp/yt-dlp/wiki/EJS). The user's
own configuration is not read, since it might send files elsewhere; `options` names one that is.

A file is made in a folder of its own and gets its name when it is whole.
"""

import ctypes
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import soundfile

from auffusion.data.fetching.answers import Answer, answer_to, last_error
from auffusion.data.fetching.video_clip import CLIP_S, VideoClip
from auffusion.errors import InputError
from auffusion.executor.contract import Outcome, Status, Unit, Worker
from auffusion.files import write_file

# <linux/prctl.h>; https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
_PR_SET_PDEATHSIG = 1
_PARTING_S = 10.0
_STEM = "clip"


def yt_dlp_command() -> tuple[str, ...]:
    """How yt-dlp is started.

    Raises:
        InputError: it is not installed, or ffmpeg is not.
    """
    if shutil.which("ffmpeg") is None:
        raise InputError(
            "cutting clips out of videos needs the command ffmpeg, which is not installed: install "
            "it with the system's packages, such as apt install ffmpeg"
        )
    if found := shutil.which("yt-dlp"):
        return (found,)
    if find_spec("yt_dlp") is not None:
        return (sys.executable, "-m", "yt_dlp")
    raise InputError(
        "fetching clips of YouTube needs yt-dlp, which is not installed: pip install "
        "'yt-dlp[default]'"
    )


@dataclass(frozen=True, kw_only=True)
class MakeClipDownloader:
    """Makes a worker whose units are clips; outcomes have an `answer` and perhaps an `error`."""

    command: tuple[str, ...]
    """How yt-dlp is started."""
    folder: Path
    """Where the sounds go; absolute."""
    work: Path
    """Where they are made, on the same disk; absolute."""
    options: Path | None = None
    """A configuration file of yt-dlp."""
    seconds: float = 300.0
    """The longest that one clip may take."""

    def __call__(self) -> Worker:
        """The worker."""
        return self._download

    def _download(self, unit: Unit) -> Outcome:
        clip: VideoClip = unit.payload
        with TemporaryDirectory(dir=self.work, ignore_cleanup_errors=True) as place:
            error = self._run(clip, Path(place))
            answer = answer_to(error) if error else Answer.FETCHED
            made = Path(place, f"{_STEM}.flac")
            if answer is Answer.FETCHED:
                answer, error = _checked(made, clip)
            if answer is Answer.FETCHED:
                write_file(self.folder / f"{clip.name}.flac", made.read_bytes())
        facts = {"answer": answer.value, "error": error}
        return Outcome(id=unit.id, status=Status.DONE, facts=facts)

    def _run(self, clip: VideoClip, place: Path) -> str:
        """Let yt-dlp make `clip.flac`, and give its error; empty where there was none."""
        log = place / "log"
        with log.open("wb") as told:
            # Into a file: a grandchild that outlives yt-dlp would hold a pipe open.
            process = subprocess.Popen(
                self._words(clip),
                cwd=place,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=told,
                preexec_fn=_interruptible(),  # noqa: PLW1509 - a worker has one thread
            )
            with process:
                in_time = _wait(process, self.seconds)
        if not in_time:
            return f"yt-dlp took more than {self.seconds:g} s for {clip.name}"
        if process.returncode == 0:
            return ""
        said = last_error(log.read_text(encoding="utf-8", errors="replace"))
        return said or f"yt-dlp left with status {process.returncode} and said nothing"

    def _words(self, clip: VideoClip) -> list[str]:
        own = [] if self.options is None else ["--config-locations", str(self.options)]
        return [
            *self.command,
            "--ignore-config",
            *own,
            "--no-playlist",
            "--format=bestaudio/best",
            "--extract-audio",
            "--audio-format=flac",
            f"--download-sections=*{clip.start_s}-{clip.start_s + CLIP_S}",
            f"--output={_STEM}.%(ext)s",
            "--",
            clip.url,
        ]


def _checked(made: Path, clip: VideoClip) -> tuple[Answer, str]:
    """Whether there is a sound in what yt-dlp made without an error."""
    if not made.is_file():
        return Answer.FAILED, f"yt-dlp left no file of {clip.name}, and no error"
    # Where a video ends before the clip, ffmpeg leaves a FLAC that is a header only; it tells of
    # no length, which is read as an endless one, and the first sample cannot be read.
    with suppress(soundfile.SoundFileError), soundfile.SoundFile(made) as sound:
        if len(sound.read(1)):
            return Answer.FETCHED, ""
    return Answer.GONE, f"{clip.youtube_id} has no sound at {clip.start_s} s"


def _wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the end; whether it came in time. Otherwise it is brought about."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        # Interrupted, it ends its own ffmpeg; killed, it would leave that running.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_PARTING_S)
        except subprocess.TimeoutExpired:
            process.kill()
        return False
    return True


def _interruptible() -> Callable[[], None] | None:
    """What lets yt-dlp hear Ctrl-C, which workers do not, and end when its worker is killed."""
    if sys.platform == "win32":
        return None

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)

    return prepare
