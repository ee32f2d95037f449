"""The splits of a data set as folders and files are named after them.

The words are those of the Hugging Face hub
(https://huggingface.co/docs/hub/datasets-file-names-and-splits).
"""

import os
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
"""What a split is called, to our name of it."""

_PARTS = re.compile(r"[-._ 0-9]+")


def split_of_word(name: str) -> str:
    """The split that a name is, in any case; empty where it is none.

    >>> split_of_word("Val"), split_of_word("val_clips")
    ('validation', '')
    """
    return SPLIT_WORDS.get(name.strip().lower(), "")


def split_in_name(name: str) -> str:
    """The first split that a name has between dashes, dots, spaces, digits and underscores.

    >>> split_in_name("my_test-00001-of-00002.parquet"), split_in_name("contest.parquet")
    ('test', '')
    """
    return next((split for part in _PARTS.split(name) if (split := split_of_word(part))), "")


class SplitFolders:
    """Tells the folders that are splits from those that are classes: a train is a sound, too.

    A folder with a split's name is one where a folder of validation or test sounds is beside it,
    or no other folder at all.
    """

    def __init__(self, root: Path, split_of: Callable[[str], str] = split_of_word) -> None:
        self._root = root
        self._split_of = split_of
        self._parted: dict[PurePosixPath, bool] = {}

    def find(self, path: str) -> tuple[str, PurePosixPath]:
        """(split of a file or empty, its path below the folder of that split or else whole)."""
        whole = PurePosixPath(path)
        for depth, name in enumerate(whole.parts[:-1]):
            split = self._split_of(name)
            if split and self._is_parted(PurePosixPath(*whole.parts[:depth])):
                return split, PurePosixPath(*whole.parts[depth + 1 :])
        return "", whole

    def _is_parted(self, folder: PurePosixPath) -> bool:
        if folder not in self._parted:
            with os.scandir(self._root / folder) as entries:
                names = [one.name for one in entries if one.is_dir() and one.name[0] != "."]
            splits = {self._split_of(name) for name in names}
            self._parted[folder] = len(names) == 1 or bool(splits & {"validation", "test"})
        return self._parted[folder]
