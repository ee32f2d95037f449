"""What the card of a Hugging Face data set says: the header of its README.md, as YAML.

Its names are those of https://huggingface.co/docs/hub/datasets-manual-configuration and
https://huggingface.co/docs/hub/datasets-cards.
"""

import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from auffusion.data.arrow_tables import ClassNames
from auffusion.data.description import spdx_of
from auffusion.errors import InputError

_LONGEST = 1 << 20
_HEADER = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class DatasetCard:
    """The header of a README.md, as far as it matters here."""

    license: str = "unknown"
    """SPDX identifier of the set's licence."""
    class_names: ClassNames = field(default_factory=lambda: {})
    """Names of classes, by column."""
    files: tuple[tuple[str, str], ...] = ()
    """(name of a split or empty, pattern of its files); none where the card has none."""


def read_card(path: Path | None) -> DatasetCard:
    """The card in a README.md; an empty one where there is none or it has no header.

    Raises:
        InputError: the header is no YAML, describes several subsets of which none is the default,
            or PyYAML is not installed.
    """
    if path is None or not path.is_file():
        return DatasetCard()
    with path.open(encoding="utf-8-sig", errors="replace", newline=None) as file:
        header = _HEADER.match(file.read(_LONGEST))
    if header is None:
        return DatasetCard()
    told = _mapping(_yaml(path, header[1]))
    subset = _subset(path, told)
    return DatasetCard(
        license=_license(told.get("license")),
        class_names=dict(_class_names(_info(told, subset))),
        files=tuple(_files(subset)),
    )


def matches(pattern: str, path: str) -> bool:
    """Whether a path in the data set is one of a pattern's: `*` stays in its folder, `**` does not.

    >>> matches("data/train-*", "data/train-00000-of-00001.parquet")
    True
    >>> matches("*.parquet", "data/a.parquet"), matches("**/*.parquet", "a.parquet")
    (False, True)
    """
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.removeprefix("./"))
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return (
        re.fullmatch("".join(wild.get(part) or re.escape(part) for part in parts), path) is not None
    )


def _yaml(path: Path, header: str) -> object:
    try:
        yaml: Any = importlib.import_module("yaml")
    except ImportError as error:
        raise InputError(f"{path} needs PyYAML: pip install 'auffusion[data]'") from error
    try:
        return yaml.safe_load(header)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        first = str(error).split("\n", 1)[0]
        raise InputError(f"the header of {path} is no YAML ({first}): mend or remove it") from error


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _several(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [] if value is None else [value]


def _subset(path: Path, told: Mapping[str, Any]) -> Mapping[str, Any]:
    subsets = [_mapping(one) for one in _several(told.get("configs"))]
    default = [one for one in subsets if one.get("default") or one.get("config_name") == "default"]
    if len(subsets) > 1 and not default:
        names = ", ".join(str(one.get("config_name")) for one in subsets)
        raise InputError(
            f"{path} describes several subsets ({names}): give a folder with the files of one of "
            "them, or write `default: true` to it there"
        )
    return (default or subsets or [{}])[0]


def _files(subset: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    folder = str(subset.get("data_dir") or "").strip("/")
    above = f"{folder}/" if folder else ""
    given: object = subset.get("data_files")
    by_split = _mapping(given)
    if by_split:
        given = [{"split": split, "path": path} for split, path in by_split.items()]
    for one in _several(given):
        told = _mapping(one) or {"path": one}
        for path in _several(told.get("path")):
            yield str(told.get("split") or ""), above + str(path)
    if folder and given is None:
        yield "", f"{folder}/**"


def _info(told: Mapping[str, Any], subset: Mapping[str, Any]) -> Mapping[str, Any]:
    infos = [_mapping(one) for one in _several(told.get("dataset_info"))]
    name = subset.get("config_name")
    own = [one for one in infos if one.get("config_name", name) == name]
    return (own or infos or [{}])[0]


def _class_names(info: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for feature in map(_mapping, _several(info.get("features"))):
        kind = feature.get("dtype") or feature.get("list") or feature.get("sequence")
        names: object = _mapping(_mapping(kind).get("class_label")).get("names")
        numbered = sorted(_mapping(names).items(), key=lambda one: int(one[0]))
        each = [name for _, name in numbered] if numbered else _several(names)
        if each:
            yield str(feature.get("name")), tuple(map(str, each))


def _license(value: object) -> str:
    names = _several(value)
    return spdx_of(str(names[0])) if len(names) == 1 else "unknown"
