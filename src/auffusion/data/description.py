"""What a row of anybody's list says of a clip, by the names that people give their columns."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from auffusion.data.licences import license_at
from auffusion.data.listing import Extra, Reason
from auffusion.data.splits import split_of_word

LONGEST_CAPTION = 10_000
"""Letters; longer texts describe no sound."""

FILE_COLUMNS = (
    *("file_name", "filename", "audio", "location", "path", "file"),
    *("audio_path", "audio_filepath", "filepath"),
)
"""Columns that name the sound file; the first that a row fills counts."""

CAPTION_COLUMNS = ("caption", "captions", "text", "prompt", "description")
"""Columns of captions, a text or a list of texts; the first that a row fills counts."""

LABEL_COLUMNS = ("label", "labels", "category", "class")
"""Columns of classes; the caption too, where there is no other."""

_NUMBERED_CAPTION = re.compile(r"caption_?\d+")
_START, _END = ("start", "start_s", "start_time"), ("end", "end_s", "end_time")
_DURATION = ("duration", "duration_s", "seconds")
_LICENCE, _LICENCE_URL = ("license", "licence"), ("license_url", "licence_url")
_AUTHOR = ("author", "artist")
_YOUTUBE, _FREESOUND = ("youtube_id", "ytid"), ("freesound_id",)
_LONGEST_EXTRA = 1_000
_SPDX = {
    **{f"cc-by{kind}-{n}": f"CC-BY{kind.upper()}-{n}"
       for kind in ("", "-sa", "-nd", "-nc", "-nc-sa", "-nc-nd") for n in ("2.0", "3.0", "4.0")},
    **{"cc0-1.0": "CC0-1.0", "cc0": "CC0-1.0", "mit": "MIT", "apache-2.0": "Apache-2.0"},
    **{"odbl": "ODbL-1.0", "odc-by": "ODC-By-1.0", "pddl": "PDDL-1.0"},
}  # fmt: skip


class RowFault(Exception):  # noqa: N818
    """What is wrong with a row; never leaves the reading of that row."""

    def __init__(self, reason: Reason, fault: str) -> None:
        super().__init__(fault)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a row says of a clip besides its file."""

    captions: tuple[str, ...]
    """At least one."""
    labels: tuple[str, ...] = ()
    """Classes."""
    split: str = ""
    """Ours; empty where the row names none."""
    start_s: float = 0.0
    """Where in the file it begins."""
    seconds: float | None = None
    """How long it is; None is to the end."""
    license: str = ""
    """SPDX identifier, or as it is called; empty where the row names none."""
    license_url: str = ""
    """Where it can be read."""
    author: str = ""
    """Whom to name."""
    origin: str = ""
    """Where the recording was first published."""
    extra: Extra = field(default_factory=lambda: {})
    """Numbers and short texts of other columns."""


def can_describe(names: Sequence[str]) -> bool:
    """Whether one of the columns holds captions or classes."""
    known = {*CAPTION_COLUMNS, *LABEL_COLUMNS}
    return any(
        plain_name(name) in known or _NUMBERED_CAPTION.fullmatch(plain_name(name)) for name in names
    )


def describe(values: Mapping[str, object]) -> Description:
    """What a row says, by the names of its columns.

    A `duration` counts as the length of a part only where the row has a start; alone it is how
    long the file is, and is kept with what else the row says.

    Raises:
        RowFault: no caption, or a value that is none.
    """
    row = by_plain_name(values)
    labels = _labels(first_filled(row, LABEL_COLUMNS))
    numbered = [row[name] for name in row if _NUMBERED_CAPTION.fullmatch(name)]
    captions = _captions(first_filled(row, CAPTION_COLUMNS) or numbered)
    captions = captions or _captions([as_words(label) for label in labels])
    if not captions:
        raise RowFault(Reason.CAPTION, "it has no caption")
    start_s, seconds = _part(row)
    license_id, license_url = _license(row)
    return Description(
        captions=captions,
        labels=labels,
        split=_split(row),
        start_s=start_s,
        seconds=seconds,
        license=license_id,
        license_url=license_url,
        author=as_text(first_filled(row, _AUTHOR)),
        origin=_origin(row),
        extra=_extra(row),
    )


def as_words(name: str) -> str:
    """A label as a caption.

    >>> as_words("dog_bark"), as_words("Rain")
    ('dog bark', 'Rain')
    """
    return " ".join(name.replace("_", " ").split())


def caption_of(text: str) -> str:
    """A text as one line; empty where it is blank.

    Raises:
        RowFault: a text that describes nothing: too long, without a letter, with control
            characters.
    """
    line = " ".join(text.split())
    if len(line) > LONGEST_CAPTION:
        raise RowFault(Reason.CAPTION, f"its caption has {len(line)} letters")
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in line):
        raise RowFault(Reason.CAPTION, "its caption has control characters")
    if line and not any(letter.isalpha() for letter in line):
        raise RowFault(Reason.CAPTION, f"its caption {line[:40]!r} has no letter")
    return line


def spdx_of(name: str) -> str:
    """The SPDX identifier of a licence by its address or its name on the hub, else the name.

    >>> spdx_of("cc-by-4.0"), spdx_of("https://creativecommons.org/publicdomain/zero/1.0/")
    ('CC-BY-4.0', 'CC0-1.0')
    >>> spdx_of("other"), spdx_of("Studio licence")
    ('unknown', 'Studio licence')
    """
    if "://" in name:
        return license_at(name)
    plain = name.strip().lower().replace(" ", "-")
    return "unknown" if plain in {"", "other", "unknown", "cc"} else _SPDX.get(plain, name.strip())


def plain_name(name: str) -> str:
    """A column's name in small letters with underscores: `File Name` is `file_name`."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def by_plain_name(values: Mapping[str, object]) -> dict[str, object]:
    """A row by the plain names of its columns; of two that are alike the first stands."""
    row: dict[str, object] = {}
    for name, value in values.items():
        row.setdefault(plain_name(name), value)
    return row


def first_filled(row: Mapping[str, object], names: Sequence[str]) -> object:
    """The first value that says something; pandas writes NaN for one that says nothing."""
    filled = (row[name] for name in names if name in row)
    return next((one for one in filled if one not in (None, "", []) and one == one), None)


def as_text(value: object) -> str:
    """A value as one line, a list with commas."""
    text = ", ".join("" if one is None else str(one) for one in _listed(value))
    return " ".join(text.split())


def _captions(value: object) -> tuple[str, ...]:
    texts = _listed(value)
    if not all(text is None or isinstance(text, str) for text in texts):
        raise RowFault(Reason.CAPTION, f"its caption {str(texts)[:40]} is no text")
    lines = (caption_of(text) for text in texts if isinstance(text, str))
    return tuple(dict.fromkeys(line for line in lines if line))


def _labels(value: object) -> tuple[str, ...]:
    return tuple(label for one in _listed(value) if (label := as_text(one)))


def _listed(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else [value]


def _split(row: Mapping[str, object]) -> str:
    name = as_text(first_filled(row, ("split",)))
    split = split_of_word(name)
    if name and not split:
        raise RowFault(Reason.ROW, f"its split {name[:40]!r} is none of train, validation and test")
    return split


def _part(row: Mapping[str, object]) -> tuple[float, float | None]:
    start, end = _seconds(row, _START), _seconds(row, _END)
    length = None if start is None or end is not None else _seconds(row, _DURATION)
    start = start or 0.0
    if end is not None:
        length = round(end - start, 6)  # 0.1 + 0.2 is no 0.3
    if length is not None and length <= 0:
        raise RowFault(Reason.ROW, f"it begins at {start:g} s and lasts {length:g} s")
    return start, length


def _seconds(row: Mapping[str, object], names: Sequence[str]) -> float | None:
    value = first_filled(row, names)
    if value is None:
        return None
    number = seconds_of(value)
    if number is None:
        raise RowFault(Reason.ROW, f"{str(value)[:40]!r} is no time in seconds")
    return number


def seconds_of(value: object) -> float | None:
    """A list's value as a time in seconds; None where it is none.

    >>> seconds_of("2.5"), seconds_of(-1), seconds_of("nan"), seconds_of([])
    (2.5, None, None, None)
    """
    try:
        number = float(cast("str", value))
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number < math.inf else None


def _license(row: Mapping[str, object]) -> tuple[str, str]:
    name, url = (as_text(first_filled(row, names)) for names in (_LICENCE, _LICENCE_URL))
    url = url or (name if "://" in name else "")
    return spdx_of(name or url) if name or url else "", url


def _origin(row: Mapping[str, object]) -> str:
    video, sound = as_text(first_filled(row, _YOUTUBE)), as_text(first_filled(row, _FREESOUND))
    if video:
        return f"youtube:{video}"
    return f"freesound:{sound}" if sound else ""


def _extra(row: Mapping[str, object]) -> Extra:
    used = {*FILE_COLUMNS, *CAPTION_COLUMNS, *LABEL_COLUMNS, *_START, *_END, *_AUTHOR}
    used |= {*_LICENCE, *_LICENCE_URL, *_YOUTUBE, *_FREESOUND, "split", ""}
    return {
        name: value
        for name, value in row.items()
        if name not in used and not _NUMBERED_CAPTION.fullmatch(name) and _is_told(value)
        if isinstance(value, str | int | float)
    }


def _is_told(value: object) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= _LONGEST_EXTRA
    return not isinstance(value, float) or math.isfinite(value)
