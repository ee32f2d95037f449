"""A list of prompts in a file: one a line (.txt), or one a row with settings (.csv, .jsonl)."""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

from auffusion.errors import InputError

# Lists of captions for sound have gone by all these names.
_PROMPT_COLUMNS = ("prompt", "caption", "text")
_NAME_COLUMNS = ("name", "file_name", "audio_path")
_LONGEST_LINE = 10 << 20


@dataclass(frozen=True, kw_only=True)
class Row:
    """One prompt; what is None is as on the command line."""

    prompt: str
    """What to hear."""
    negative: str | None = None
    """What not to hear (column `negative`)."""
    seed: int | None = None
    """First seed (column `seed`)."""
    length_s: float | None = None
    """Seconds (column `length`)."""
    name: str | None = None
    """File name without its ending (columns `name`, `file_name` or `audio_path`)."""


def read_rows(path: Path) -> list[Row]:
    """The prompts of a file, in order; empty lines and unknown columns do not count.

    Raises:
        InputError: no such file, another ending, not UTF-8, no prompt, a number that is none.
    """
    readers = {".txt": _text_rows, ".csv": _csv_rows, ".jsonl": _json_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"cannot read prompts from {path}: its name must end in {_or(readers)}")
    rows = list(reader(path, _read_text(path)))
    if not rows:
        raise InputError(f"{path} holds no prompt")
    return rows


def _or(words: Mapping[str, object]) -> str:
    return " or ".join(words)


def _read_text(path: Path) -> str:
    try:
        # Spreadsheets put a byte order mark first.
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


def _text_rows(_path: Path, text: str) -> Iterator[Row]:
    for line in text.split("\n"):
        if line.strip():
            yield Row(prompt=line.strip())


def _csv_rows(path: Path, text: str) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST_LINE)
    table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for values in table:
            if any(isinstance(value, str) and value.strip() for value in values.values()):
                yield _row(values, f"line {table.line_num} of {path}")
    except csv.Error as error:
        raise InputError(f"line {table.line_num} of {path} is not CSV: {error}") from error


def _json_rows(path: Path, text: str) -> Iterator[Row]:
    # Not splitlines, here and above: U+2028 and its like end no line of a file.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            where = f"line {number} of {path}"
            yield _row(_json_object(line, where), where)


def _json_object(line: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f'{where} is no JSON object, expected one such as {{"prompt": "rain"}}')
    return cast("dict[str, Any]", value)


def _row(values: Mapping[str, Any], where: str) -> Row:
    prompt = _first(values, _PROMPT_COLUMNS)
    if not isinstance(prompt, str):
        raise InputError(f"{where} has no text in a column {_or(dict.fromkeys(_PROMPT_COLUMNS))}")
    negative, name = values.get("negative"), _first(values, _NAME_COLUMNS)
    return Row(
        prompt=prompt.strip(),
        negative=str(negative) if negative else None,
        seed=_whole_number(values, "seed", where),
        length_s=_number(values, "length", where),
        name=_stem(str(name), where) if name else None,
    )


def _first(values: Mapping[str, Any], columns: tuple[str, ...]) -> Any:  # noqa: ANN401
    return next((values[column] for column in columns if values.get(column) is not None), None)


def _number(values: Mapping[str, Any], column: str, where: str) -> float | None:
    value = values.get(column)
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{where} has {value!r} for {column}, expected a number")
    return number


def _whole_number(values: Mapping[str, Any], column: str, where: str) -> int | None:
    number = _number(values, column, where)
    if number is not None and not number.is_integer():
        raise InputError(f"{where} has {number} for {column}, expected a whole number")
    return None if number is None else int(number)


def _stem(name: str, where: str) -> str:
    """The last part of a path without its ending: no list of prompts chooses a folder."""
    stem = PurePosixPath(name.replace("\\", "/")).stem
    if stem in {"", ".", ".."} or "\0" in stem:
        raise InputError(f"{where} names a file {name!r}, expected a plain file name")
    return stem
