"""Parquet and Arrow files row by row, with only the columns that can say something of a sound.

pyarrow is optional and imported when the first file is read. It has no annotations, so that all
its objects come in as `Any`.
"""

import importlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from auffusion.errors import InputError

BATCH_ROWS = 16
"""Rows that are decoded at once: of ten-second sounds as WAV files some thirty megabytes."""

ClassNames = Mapping[str, tuple[str, ...]]
"""Columns that hold numbers of classes, with the classes' names."""


class DamagedTable(InputError):  # noqa: N818
    """A file of rows that cannot be read, or not to its end."""


@dataclass(frozen=True, kw_only=True)
class TableFile:
    """A file of rows, known by its first bytes: Parquet, or Arrow as `save_to_disk` writes it."""

    path: Path
    """The file."""
    columns: tuple[str, ...]
    """Those that are read."""
    sound_column: str
    """Among them the one with sounds, {bytes, path}; empty where there is none."""
    class_names: ClassNames
    """As its metadata gives them."""
    is_parquet: bool
    """Else it is Arrow."""

    def rows(self) -> Iterator[dict[str, Any] | str]:
        """Every row by column, or what is wrong with it.

        Raises:
            DamagedTable: what stands before the damage has been yielded then.
        """
        batches = _parquet_batches(self) if self.is_parquet else _arrow_batches(self.path)
        try:
            for batch in batches:
                for number in range(batch.num_rows):
                    yield self._row(batch, number)
        except _arrow_errors() as error:
            raise _damaged(self.path, error) from error

    def _row(self, batch: Any, number: int) -> dict[str, Any] | str:  # noqa: ANN401
        try:
            return {name: batch.column(name)[number].as_py() for name in self.columns}
        except UnicodeDecodeError as error:
            return f"it is not UTF-8 ({error})"


def open_table(path: Path, class_names: ClassNames) -> TableFile:
    """The file's columns; its rows are not read yet.

    Args:
        path: the file.
        class_names: where its own metadata has none.

    Raises:
        InputError: pyarrow is not installed.
        DamagedTable: its beginning or its end is damaged.
    """
    _arrow()
    try:
        with path.open("rb") as file:
            head = file.read(16)
        if head.startswith(b"version https:"):
            raise DamagedTable(f"{path} is a pointer of Git LFS: fetch the file (git lfs pull)")
        return _opened(path, head.startswith(b"PAR1"), class_names)
    except DamagedTable:
        raise
    except _arrow_errors() as error:
        raise _damaged(path, error) from error


def _opened(path: Path, is_parquet: bool, class_names: ClassNames) -> TableFile:
    schema = _parquet(path).schema_arrow if is_parquet else _arrow_reader(path).schema
    names = {**class_names, **class_names_of(_features(schema))}
    columns = tuple(one.name for one in schema if _is_telling(one.type) or one.name in names)
    sounds = [one.name for one in schema if _is_sound(one.type)]
    sound = "audio" if "audio" in sounds else (sounds or [""])[0]
    return TableFile(
        path=path,
        columns=(*columns, sound) if sound else columns,
        sound_column=sound,
        class_names=names,
        is_parquet=is_parquet,
    )


def class_names_of(features: object) -> dict[str, tuple[str, ...]]:
    """The names of classes in the features of a data set, as its JSON files give them.

    >>> class_names_of({"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}})
    {'label': ('cat', 'dog')}
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, feature in _mapping(features).items():
        # A list of classes, as version 4 writes it and as those before did.
        told = _mapping(feature)
        names: object = _mapping(told.get("feature", told)).get("names")
        if isinstance(names, list):
            found[str(name)] = tuple(map(str, cast("list[object]", names)))
    return found


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _arrow(module: str = "pyarrow") -> Any:  # noqa: ANN401
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            "Parquet and Arrow files need pyarrow: pip install 'auffusion[data]'"
        ) from error


def _arrow_errors() -> tuple[type[Exception], ...]:
    # A damaged file ends in any of these, depending on where the damage is.
    return (_arrow().ArrowException, OSError, ValueError, KeyError, RecursionError)


def _parquet(path: Path) -> Any:  # noqa: ANN401
    # With a buffer a column is read by and by; without one whole, before its first row.
    return _arrow("pyarrow.parquet").ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)


def _parquet_batches(table: TableFile) -> Iterator[Any]:
    # Group by group, so that the rows of one come before what is damaged in the next. A page, of
    # which two copies are in memory while it is decoded, is at most a group.
    file = _parquet(table.path)
    for group in range(file.num_row_groups):
        columns = list(table.columns)
        yield from file.iter_batches(BATCH_ROWS, row_groups=[group], columns=columns)


def _arrow_reader(path: Path) -> Any:  # noqa: ANN401
    ipc = _arrow("pyarrow.ipc")
    # `save_to_disk` writes the stream format; other programs write the file format.
    with path.open("rb") as file:
        is_file = file.read(6) == b"ARROW1"
    return (ipc.open_file if is_file else ipc.open_stream)(_arrow().memory_map(str(path)))


def _arrow_batches(path: Path) -> Iterator[Any]:
    reader = _arrow_reader(path)
    if hasattr(reader, "get_batch"):
        batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
    else:
        batches = iter(reader)
    for batch in batches:
        # Arrow takes what it maps as it is: an offset that leads out of the file would be followed.
        batch.validate(full=True)
        yield batch


def _features(schema: Any) -> object:  # noqa: ANN401
    metadata: dict[bytes, bytes] = schema.metadata or {}
    told = _mapping(json.loads(metadata.get(b"huggingface", b"null")))
    return _mapping(told.get("info")).get("features")


def _is_sound(kind: Any) -> bool:  # noqa: ANN401
    types = _arrow().types
    if types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0 or kind.get_field_index("path") >= 0
    return types.is_binary(kind) or types.is_large_binary(kind)


def _is_telling(kind: Any) -> bool:  # noqa: ANN401
    types = _arrow().types
    if types.is_list(kind) or types.is_large_list(kind):
        kind = kind.value_type
        return types.is_string(kind) or types.is_large_string(kind)
    plain = (types.is_string, types.is_large_string, types.is_integer, types.is_floating)
    return any(one(kind) for one in (*plain, types.is_boolean, types.is_dictionary))


def _damaged(path: Path, error: Exception) -> DamagedTable:
    first = str(error).split("\n", 1)[0][:200]
    return DamagedTable(f"{path} is damaged or was cut short ({first}): download it again")
