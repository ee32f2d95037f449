"""Clips by a stand-in for yt-dlp that really runs, fetched by the real command and prepared.

The errors are YouTube's as yt-dlp prints them, taken from the pages that `answers.py` names.
"""

import csv
import json
import os
import re
import subprocess
import sys
import time

import pytest
import soundfile

from auffusion.data.fetching.answers import Answer, answer_to, last_error
from auffusion.data.fetching.video_clip import VideoClip, missing_clips
from auffusion.data.listing import Reason, Reject, clip_key
from auffusion.errors import InputError

COOKIES = (
    "Use --cookies-from-browser or --cookies for the authentication. See  "
    "https://github.com/yt-dlp/yt-dlp/wiki/FAQ#how-do-i-pass-cookies-to-yt-dlp  for how to "
    "manually pass cookies. Also see  "
    "https://github.com/yt-dlp/yt-dlp/wiki/Extractors#exporting-youtube-cookies  for tips on "
    "effectively exporting YouTube cookies"
)
GONE = (
    "[youtube] 2tTIdgl5rlI: Video unavailable",
    "[youtube] 4joZZL17RUM: Video unavailable. This video is no longer available because the "
    "YouTube account associated with this video has been terminated.",
    "[youtube] VG5q4fcsKG0: Video unavailable. This video has been removed by the uploader.",
    "[youtube] DwSenUWgz3w: Private video. Sign in if you've been granted access to this video. "
    + COOKIES,
    "[youtube] 5O-g0rxCi4I: Sign in to confirm your age. This video may be inappropriate for some "
    f"users. {COOKIES}",
    "[youtube] -9VPvTfV1_4: Video unavailable. The uploader has not made this video available in "
    "your country",
)
REFUSED = (
    f"[youtube] Q1i3iDqIDBQ: Sign in to confirm you’re not a bot. {COOKIES}",  # noqa: RUF001
    "[youtube] 8NxoMpXM2oI: Video unavailable. This content isn't available, try again later. The "
    "current session has been rate-limited by YouTube for up to an hour. It is recommended to use "
    "`-t sleep` to add a delay between video requests to avoid exceeding the rate limit.",
    "unable to download video data: HTTP Error 429: Too Many Requests",
    "Unable to download webpage: HTTP Error 429: Too Many Requests (caused by <HTTPError 429: Too "
    "Many Requests>)",
)
FAILED = (
    "[youtube] dQw4w9WgXcQ: Unable to download API page: HTTPSConnection(host='www.youtube.com', "
    "port=443): Failed to resolve 'www.youtube.com' ([Errno -2] Name or service not known)",
    "unable to download video data: HTTP Error 403: Forbidden",
    "The downloaded file is empty",
    "unable to write data: [Errno 28] No space left on device",
)
IDS = tuple(f"-{number}_abc-DEF{number}" for number in range(8))


def write_lists(folder, ids=IDS, start=30):
    folder.mkdir(exist_ok=True)
    for name in ("train", "val", "test"):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["audiocap_id", "youtube_id", "start_time", "caption"])
            rows = enumerate(ids) if name == "train" else ()
            table.writerows((number, one, start, "A crow calls") for number, one in rows)
    return folder


def gone(folder):
    lines = (folder / "fetch_rejects.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["youtube_id"]: row["error"] for row in map(json.loads, lines)}


def sounds(folder):
    return sorted(path.name for path in folder.rglob("*") if path.suffix == ".flac")


@pytest.mark.parametrize(
    ("errors", "answer"), [(GONE, Answer.GONE), (REFUSED, Answer.REFUSED), (FAILED, Answer.FAILED)]
)
def test_dead_links_refusals_and_failures_are_told_apart(errors, answer):
    assert {answer_to(f"ERROR: {error}") for error in errors} == {answer}


def test_the_last_error_counts_and_warnings_do_not():
    said = "ERROR: first\nERROR: second\nWARNING: [youtube] Falling back\n\n"
    assert last_error(said) == "ERROR: second"
    assert (last_error("no such option\n"), last_error(" \n")) == ("no such option", "")


def test_fetched_clips_are_prepared(videos, auffusion, prepare, tmp_path):
    folder = write_lists(tmp_path / "set")
    videos.hold("sound", *IDS[2:])
    videos.hold("error", IDS[0], value=GONE[0])
    videos.hold("error", IDS[1], value=GONE[3])
    status, out, err = auffusion("data", "fetch", "audiocaps", "--to", folder)
    assert (status, err) == (0, "")
    assert out.startswith("fetched 6 clips, 2 are not there: 2 were found to be gone")
    assert f"auffusion data prepare audiocaps --source {folder}" in out
    assert gone(folder) == {IDS[0]: f"ERROR: {GONE[0]}", IDS[1]: f"ERROR: {GONE[3]}"[:500]}
    assert not (folder / ".fetching").exists()
    clips = prepare("audiocaps", folder)
    assert sorted(clip["source"] for clip in clips.values()) == sorted(
        f"audio/{one}_30.flac" for one in IDS[2:]
    )


def test_clips_of_vggsound_are_prepared(videos, auffusion, prepare, tmp_path):
    table = '--0PQM4-hqg,30,waterfall burbling,train\n--9O4XZOge4,7,"sheep bleating",test\n'
    (tmp_path / "set").mkdir()
    (tmp_path / "set/vggsound.csv").write_text(table, encoding="utf-8")
    videos.hold("sound", "--0PQM4-hqg", "--9O4XZOge4")
    status, _, err = auffusion("data", "fetch", "vggsound", "--to", tmp_path / "set")
    assert (status, err) == (0, "")
    sources = [clip["source"] for clip in prepare("vggsound", tmp_path / "set").values()]
    assert sorted(sources) == ["audio/--0PQM4-hqg_30.flac", "audio/--9O4XZOge4_7.flac"]


def test_yt_dlp_is_asked_for_the_ten_seconds_only_and_given_no_shell(videos, auffusion, tmp_path):
    folder = write_lists(tmp_path / "set; $(touch here) %(id)s", IDS[:1], start=130)
    config = tmp_path / "yt-dlp.conf"
    config.write_text("--proxy socks5://127.0.0.1:1\n")
    videos.hold("sound", IDS[0])
    words = ("--to", folder, "--options", config)
    assert auffusion("data", "fetch", "audiocaps-v2", *words)[0] == 0
    (call,) = videos.asked()
    assert call["words"] == [
        "--ignore-config",
        "--config-locations",
        str(config),
        "--no-playlist",
        "--format=bestaudio/best",
        "--extract-audio",
        "--audio-format=flac",
        "--download-sections=*130-140",
        "--output=clip.%(ext)s",
        "--",
        f"https://www.youtube.com/watch?v={IDS[0]}",
    ]
    assert sounds(folder) == [f"{IDS[0]}_130.flac"]


def test_what_is_there_and_what_is_gone_is_not_asked_for_again(videos, auffusion, tmp_path):
    from imitations import write_sound

    folder = write_lists(tmp_path / "set")
    write_sound(folder / f"elsewhere/Y{IDS[0]}.wav", "door", 10)
    videos.hold("sound", *IDS)
    videos.hold("error", IDS[1], value=GONE[1])
    videos.hold("error", IDS[2], value=FAILED[0])
    _, out, _ = auffusion("data", "fetch", "audiocaps", "--to", folder, "--limit", 3)
    assert videos.ids() == sorted(IDS[1:4])
    assert "fetched 1 clips, 6 are not there: 1 were found to be gone" in out
    assert f"1 failed and can be tried again (ERROR: {FAILED[0]})" in out
    auffusion("data", "fetch", "audiocaps", "--to", folder)
    assert videos.ids() == sorted((IDS[2], *IDS[4:]))
    # Once in the list, however often it is tried.
    auffusion("data", "fetch", "audiocaps", "--to", folder, "--retry")
    assert videos.ids() == sorted(IDS[1:3])
    assert list(gone(folder)) == [IDS[1]]
    videos.hold("sound", *IDS)
    auffusion("data", "fetch", "audiocaps", "--to", folder, "--retry")
    assert gone(folder) == {}
    assert len(sounds(folder)) == len(IDS) - 1


def test_a_list_of_the_gone_that_ends_in_the_middle_is_mended(videos, auffusion, tmp_path):
    folder = write_lists(tmp_path / "set", IDS[:3])
    rows = [{"youtube_id": one, "start_s": 30, "error": "x"} for one in IDS[:2]]
    text = "\n".join(map(json.dumps, [*rows, {"youtube_id": "--exec=true", "start_s": 1}]))
    (folder / "fetch_rejects.jsonl").write_text(f"{text}\n" + '{"youtube_id": "-2_a')
    videos.hold("error", IDS[2], value=GONE[0])
    assert auffusion("data", "fetch", "audiocaps", "--to", folder)[0] == 0
    assert videos.ids() == [IDS[2]]
    assert list(gone(folder)) == list(IDS[:3])


@pytest.mark.parametrize(
    ("errors", "advice"),
    [
        (REFUSED, "YouTube refused 5 clips in a row .* wait an hour"),
        (FAILED, "5 clips in a row failed .* see to the connection"),
    ],
)
def test_after_five_refusals_or_failures_the_run_stops_and_condemns_no_clip(
    videos, auffusion, tmp_path, errors, advice
):
    folder = write_lists(tmp_path / "set")
    videos.hold("sound", *IDS)
    videos.hold("error", IDS[2], value=GONE[0])
    for number, one in enumerate((IDS[1], *IDS[3:])):
        videos.hold("error", one, value=errors[number % len(errors)])
    status, out, err = auffusion("data", "fetch", "audiocaps", "--to", folder, "--workers", 1)
    assert (status, out) == (2, "")
    assert re.search(advice, err)
    assert err.count("\n") == 1
    assert "1 clips of this run are kept" in err
    # One failure, a dead link that is an answer, five failures.
    assert videos.ids() == sorted(IDS)
    assert list(gone(folder)) == [IDS[2]]
    videos.hold("sound", *IDS)
    assert auffusion("data", "fetch", "audiocaps", "--to", folder)[0] == 0
    assert len(sounds(folder)) == len(IDS) - 1


def test_no_more_is_asked_for_once_youtube_refuses(videos, auffusion, tmp_path):
    folder = write_lists(tmp_path / "set")
    videos.hold("error", *IDS, value=REFUSED[2])
    assert auffusion("data", "fetch", "audiocaps", "--to", folder, "--workers", 1)[0] == 2
    # Five, and the one that the worker was given with the fifth answer.
    assert videos.ids() == sorted(IDS[:6])


def test_a_fetch_killed_in_the_middle_goes_on_where_it_was(videos, auffusion, prepare, tmp_path):
    folder = write_lists(tmp_path / "set")
    videos.hold("sound", *IDS)
    videos.hold("hang", IDS[3])
    words = ("fetch", "audiocaps", "--to", str(folder), "--workers", "1")
    process = subprocess.Popen([sys.executable, "-m", "auffusion.cli", "data", *words])
    wait_for((videos.folder / "hanging").exists)
    process.kill()
    process.wait()
    assert sounds(folder / "audio") == sorted(f"{one}_30.flac" for one in IDS[:3])
    assert {soundfile.info(path).duration for path in (folder / "audio").iterdir()} == {10.0}
    if sys.platform == "linux":
        hanging = videos.asked()[-1]["pid"]
        wait_for(lambda: not is_running(hanging))
    else:
        videos.asked()
    videos.hold("sound", IDS[3])
    assert auffusion("data", "fetch", "audiocaps", "--to", folder)[0] == 0
    assert videos.ids() == sorted(IDS[3:])
    assert not (folder / ".fetching").exists()
    assert len(prepare("audiocaps", folder)) == len(IDS)


def wait_for(is_so):
    for _ in range(3_000):
        if is_so():
            return
        time.sleep(0.02)
    pytest.fail("it did not come about within a minute")


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # What died and was not waited for is still listed.
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
        return file.read().rpartition(")")[2].split()[0] != "Z"


def test_a_clip_that_takes_too_long_is_given_up(videos, tmp_path):
    from auffusion.data.fetching.clip_download import MakeClipDownloader
    from auffusion.executor import Unit

    clip = VideoClip(youtube_id=IDS[0], start_s=1)
    videos.hold("hang", IDS[0])
    job = MakeClipDownloader(
        command=(str(videos.folder / "yt-dlp"),), folder=tmp_path, work=tmp_path, seconds=1.0
    )
    outcome = job()(Unit(id=clip.name, payload=clip))
    assert outcome.facts["answer"] == Answer.FAILED
    assert outcome.facts["error"] == f"yt-dlp took more than 1 s for {clip.name}"
    assert list(tmp_path.iterdir()) == []
    assert not is_running(videos.asked()[-1]["pid"])


def empty_flac(flac):
    """A FLAC without samples, as ffmpeg leaves it where a video has ended: its header alone."""
    header = bytearray(flac[8:42])  # https://www.rfc-editor.org/rfc/rfc9639#section-8.2
    header[13] &= 0xF0
    header[14:18] = bytes(4)
    return b"fLaC\x80\0\0\x22" + header


def test_what_is_no_sound_is_not_taken(videos, auffusion, tmp_path):
    folder = write_lists(tmp_path / "set", IDS[:3])
    (tmp_path / "page.html").write_text("<html>")
    (tmp_path / "empty.flac").write_bytes(empty_flac((videos.folder / "ten.flac").read_bytes()))
    videos.hold("nothing", IDS[0])
    videos.hold("sound", IDS[1], value=str(tmp_path / "page.html"))
    videos.hold("sound", IDS[2], value=str(tmp_path / "empty.flac"))
    _, out, _ = auffusion("data", "fetch", "audiocaps", "--to", folder)
    assert f"yt-dlp left no file of {IDS[0]}_30" in out
    assert gone(folder) == {one: f"{one} has no sound at 30 s" for one in IDS[1:3]}
    assert sounds(folder) == []


HOSTILE = (
    "../../../ab",
    "--exec=true",
    "a;touch b;c",
    "$(touch ab)",
    "abcdefghij\n",
    "abcdefghijk&list=x",
    "http://x/yz",
    "%(title)s-a",
    "abcdefghijé",
)


def test_ids_that_are_none_reach_no_command(videos, auffusion, tmp_path):
    folder = write_lists(tmp_path / "set", (*HOSTILE, IDS[0]))
    videos.hold("sound", IDS[0])
    assert auffusion("data", "fetch", "audiocaps", "--to", folder)[0] == 0
    assert videos.ids() == [IDS[0]]
    assert sounds(folder) == [f"{IDS[0]}_30.flac"]


@pytest.mark.parametrize("youtube_id", HOSTILE)
def test_no_address_is_made_of_anything_but_an_id(youtube_id):
    with pytest.raises(InputError, match="is no id of a video"):
        VideoClip(youtube_id=youtube_id, start_s=0)
    reject = Reject(
        key=clip_key(youtube_id, 30),
        source=f"youtube:{youtube_id}",
        reason=Reason.MISSING,
        detail="",
    )
    assert list(missing_clips(iter([reject]))) == []


@pytest.mark.parametrize("youtube_id", ["-----------", "_0123456789", "a-1-22-333-", "12345678901"])
@pytest.mark.parametrize("start", [0, 7, 30, 123456789])
def test_the_start_of_a_missed_clip_is_read_from_its_key(youtube_id, start):
    key = clip_key(youtube_id, start)
    reject = Reject(key=key, source=f"youtube:{youtube_id}", reason=Reason.MISSING, detail="")
    assert list(missing_clips(iter([reject, reject]))) == [
        VideoClip(youtube_id=youtube_id, start_s=start)
    ]


@pytest.mark.parametrize("absent", ["ffmpeg", "yt-dlp"])
def test_a_command_that_is_not_installed_is_named(videos, auffusion, tmp_path, monkeypatch, absent):
    (videos.folder / absent).unlink()
    # Nor as a module of this interpreter.
    monkeypatch.setitem(sys.modules, "yt_dlp", None)
    status, _, err = auffusion("data", "fetch", "audiocaps", "--to", write_lists(tmp_path / "set"))
    assert status == 2
    assert f"needs {'the command ' * (absent == 'ffmpeg')}{absent}, which is not installed" in err
    assert sorted(path.suffix for path in (tmp_path / "set").iterdir()) == [".csv"] * 3
