"""Where the tables of a Hugging Face data set's folder are, and of which split each is."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from auffusion.data.arrow_tables import ClassNames, class_names_of
from auffusion.data.dataset_card import DatasetCard, matches
from auffusion.data.folders import inside
from auffusion.data.listing import Reason, Reject
from auffusion.data.splits import SplitFolders, split_in_name
from auffusion.errors import InputError

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
"""Names of lists that stand beside or above the sounds they list."""

_SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}")


@dataclass(frozen=True, kw_only=True)
class TableShard:
    """A Parquet or Arrow file of a data set."""

    path: str
    """In the data set, with `/`."""
    split: str
    """Ours."""
    named: str
    """As the data set calls its split, where that is no word for one of ours; else empty."""
    license: str
    """Of its clips."""
    class_names: ClassNames
    """Where the file itself has none."""


@dataclass(frozen=True, kw_only=True)
class HubFolder:
    """The folder of a data set."""

    source: Path
    """Itself."""

    @property
    def root(self) -> Path:
        """What its links may not leave.

        In the hub's cache that is the folder above, `datasets--NAME`, where `snapshots/REVISION`
        holds links to the files in `blobs`.
        """
        snapshots = self.source.absolute().parent
        is_cache = snapshots.name == "snapshots" and snapshots.parent.name.startswith("datasets--")
        return snapshots.parent if is_cache else self.source

    @cached_property
    def splits(self) -> SplitFolders:
        """Its folders that are splits."""
        return SplitFolders(self.source, split_in_name)

    def find(self, path: str) -> Path | None:
        """The file of a path; None where that leads out."""
        return inside(self.source, path, root=self.root)

    def files(self, pattern: str) -> list[str]:
        """Files by a pattern of their names, in order, without those in hidden folders."""
        found = (path.relative_to(self.source) for path in self.source.rglob(pattern))
        return sorted(
            path.as_posix() for path in found if not any(part[0] == "." for part in path.parts)
        )

    def tables(self, card: DatasetCard) -> list[TableShard | Reject]:
        """The files of `save_to_disk` where there are such, else the Parquet files.

        Raises:
            InputError: what `save_to_disk` wrote beside them is no JSON.
        """
        saved = ("dataset_dict.json", "state.json")
        is_saved = any((self.source / name).is_file() for name in saved)
        return list(self._saved(card) if is_saved else self._parquet(card))

    def _parquet(self, card: DatasetCard) -> Iterator[TableShard | Reject]:
        for path in self.files("*.parquet"):
            file = path.rsplit("/", 1)[-1]
            told = [split for split, pattern in card.files if matches(pattern, path)]
            if file in METADATA or (card.files and not told):
                continue
            if self.find(path) is None:
                yield _reject(path, Reason.PATH, "is a link that leads out of the data set")
                continue
            sharded = _SHARD.fullmatch(file.removesuffix(".parquet"))
            named = next((split for split in told if split), sharded[1] if sharded else "")
            split = split_in_name(named) or self.splits.find(path)[0] or split_in_name(file)
            yield TableShard(
                path=path,
                split=split or "train",
                named="" if split else named,
                license=card.license,
                class_names=card.class_names,
            )

    def _saved(self, card: DatasetCard) -> Iterator[TableShard | Reject]:
        for name in _texts(self._json("dataset_dict.json").get("splits", [""])):
            above = f"{name}/" if name else ""
            state, info = (self._json(above + file) for file in ("state.json", "dataset_info.json"))
            named = str(state.get("_split") or name)
            split = split_in_name(named)
            for file in _objects(state.get("_data_files")):
                path = f"{above}{file.get('filename')}"
                found = self.find(path)
                if found is None:
                    yield _reject(path, Reason.PATH, "leads out of the data set")
                elif not found.is_file():
                    yield _reject(path, Reason.MISSING, f"of {above}state.json is not there")
                else:
                    yield TableShard(
                        path=path,
                        split=split or "train",
                        named="" if split else named,
                        license=card.license,
                        class_names={**card.class_names, **class_names_of(info.get("features"))},
                    )

    def _json(self, name: str) -> Mapping[str, Any]:
        path = self.find(name)
        if path is None or not path.is_file():
            return {}
        try:
            value: object = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{path} cannot be read as JSON ({error}): save it again") from error
        return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _texts(values: object) -> list[str]:
    each = cast("list[object]", values) if isinstance(values, list) else []
    return [one for one in each if isinstance(one, str)]


def _objects(values: object) -> list[Mapping[str, Any]]:
    each = cast("list[object]", values) if isinstance(values, list) else []
    return [cast("Mapping[str, Any]", one) for one in each if isinstance(one, dict)]


def _reject(path: str, reason: Reason, fault: str) -> Reject:
    return Reject(key=path, source=path, reason=reason, detail=f"{path} {fault}")
