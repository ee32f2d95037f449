"""What yt-dlp's last line means for a clip: gone for good, refused for now, or something else.

The texts are YouTube's, as yt-dlp passes them on; seen in `extractor/youtube/_video.py` of yt-dlp
2026.10.26 and in
- https://github.com/facebookresearch/audiobox-aesthetics/issues/14 (AudioSet's dead links:
  removed, private, terminated accounts, age),
- https://github.com/yt-dlp/yt-dlp/pull/12958 and https://github.com/yt-dlp/yt-dlp/issues/11426
  (some 300 videos an hour for a session; the refusal begins with `Video unavailable` too),
- https://github.com/yt-dlp/yt-dlp/issues/15527 (to confirm that one is no bot),
- https://github.com/yt-dlp/yt-dlp/issues/7507 (`HTTP Error 429`).

What is in neither list, such as a lost connection, condemns no clip: it is tried in the next run.
"""

import re
from enum import StrEnum


class Answer(StrEnum):
    """What came of a clip."""

    FETCHED = "fetched"
    """Its sound is there."""
    GONE = "gone"
    """It will not be had: removed, private, for grown-ups only, barred in this country."""
    REFUSED = "refused"
    """YouTube wants no more of us for now."""
    FAILED = "failed"
    """Anything else: no connection, a full disk, a yt-dlp that is too old."""


_REFUSED = re.compile(
    r"HTTP Error 429|Too Many Requests|rate-limited|not available, try again later"
    r"|isn.t available, try again later|confirm you.re not a bot|captcha challenge",
    re.IGNORECASE,
)
_GONE = re.compile(
    r"Video unavailable|This video is (?:not available|no longer available|unavailable)"
    r"|Private video|This video is private|has been removed|has been terminated"
    r"|confirm your age|age.restricted|inappropriate for some users|members.only|Join this channel"
    r"|(?:available|blocked it) in your country|requires payment|live event|Premieres in",
    re.IGNORECASE,
)
_LONGEST = 500


def answer_to(line: str) -> Answer:
    """What an error means.

    >>> answer_to("ERROR: [youtube] b0RFKhbpFJA: Video unavailable")
    <Answer.GONE: 'gone'>
    >>> answer_to("ERROR: unable to download video data: HTTP Error 429: Too Many Requests")
    <Answer.REFUSED: 'refused'>
    >>> answer_to("ERROR: unable to download video data: timed out")
    <Answer.FAILED: 'failed'>
    """
    # In this order: a refusal may begin like a video that is gone.
    if _REFUSED.search(line):
        return Answer.REFUSED
    return Answer.GONE if _GONE.search(line) else Answer.FAILED


def last_error(told: str) -> str:
    """The last line that is an error, or the last at all; empty where nothing was said."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or [""])[-1][:_LONGEST]
