"""Long arrays in JSON files, item by item: only one item is in memory."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auffusion.data.listing import Reason, Reject
from auffusion.errors import InputError

LONGEST_ITEM = 1 << 20
"""Letters of an item; a file with a longer one is refused."""

_BLOCK = 1 << 16
_DECODER = json.JSONDecoder()
_SPACE = " \t\n\r"
_AFTER = frozenset(_SPACE + ",:]}")


def json_objects(path: Path, member: str) -> Iterator[tuple[str, dict[str, Any]] | Reject]:
    """The objects of an array, each with its place such as `fsd_final.json:12`, the twelfth item.

    Args:
        path: a file that holds one JSON object.
        member: the name under which that object has the array.

    Raises:
        InputError: as `json_items`.
    """
    for number, item in enumerate(json_items(path, member), start=1):
        place = f"{path.name}:{number}"
        fault = _fault(item)
        if fault:
            detail = f"{place} was left out: {fault}"
            yield Reject(key=place, source="", reason=Reason.ROW, detail=detail)
        else:
            yield place, item


def json_items(path: Path, member: str, *, block: int = _BLOCK) -> Iterator[Any]:
    """The items of the array that the object in a JSON file has under a name.

    Bytes that are no UTF-8 come as lone surrogates. What follows the array is not read.

    Args:
        path: the file.
        member: the array's name.
        block: letters that are read at once.

    Raises:
        InputError: no such file or array, or one that breaks off or is damaged; what stands
            before the damage has been yielded then.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            text = _Text(path, iter(lambda: file.read(block), ""))
            _enter(text, member)
            while text.peek() != "]":
                yield text.value()
                if not text.took(","):
                    break
                if text.peek() == "]":
                    raise text.error("a value")
            text.take("]")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


def _enter(text: "_Text", member: str) -> None:
    """Go to the first item of the array."""
    text.take("{")
    while text.value() != member:
        text.take(":")
        text.value()
        if not text.took(","):
            raise text.error(f"an array {member!r}")
    text.take(":")
    text.take("[")


class _Text:
    """The part of a file that is being read."""

    def __init__(self, path: Path, blocks: Iterator[str]) -> None:
        self._path = path
        self._blocks = blocks
        self._text = ""
        self._at = 0  # what stands before it is done with
        self._passed = 0
        self._ended = False

    def peek(self) -> str:
        """The next letter that is no space; empty at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if self._ended:
                return ""
            self._read()

    def took(self, letter: str) -> bool:
        """Go past a letter if it is the next one."""
        found = self.peek() == letter
        self._at += found
        return found

    def take(self, letter: str) -> None:
        """Go past a letter that must be the next one."""
        if not self.took(letter):
            raise self.error(repr(letter))

    def value(self) -> Any:  # noqa: ANN401
        """Go past the next value."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except (ValueError, RecursionError):
                value, end = None, 0
            # What was read may end within a number: 0 of 0.5, or 0. of it.
            if end and self._text[end : end + 1] in _AFTER:
                self._at = end
                return value
            if self._ended or len(self._text) - self._at > LONGEST_ITEM:
                raise self.error("a value")
            self._read()

    def error(self, expected: str) -> InputError:
        """What to raise where something else was expected."""
        return InputError(
            f"{self._path} is damaged or breaks off at letter {self._passed + self._at}, where "
            f"{expected} was expected: is it the published file, whole?"
        )

    def _read(self) -> None:
        block = next(self._blocks, "")
        self._ended = not block
        self._passed += self._at
        self._text = self._text[self._at :] + block
        self._at = 0


def _fault(item: object) -> str:
    if not isinstance(item, dict):
        return "it is no JSON object"
    told = json.dumps(item, ensure_ascii=False)
    try:
        told.encode()
    except UnicodeEncodeError:
        return "it is not UTF-8 text"
    return "it holds a NUL" if "\\u0000" in told.replace("\\\\", "") else ""
