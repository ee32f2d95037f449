"""A configuration: a TOML file whose tables are dataclasses, and changes to it.

What a field means stands in the docstring under it; `config_text` makes a commented file of them.
"""

import ast
import inspect
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from auffusion.errors import InputError

C = TypeVar("C")


def read_config(kind: type[C], path: Path | None, changes: Sequence[str] = ()) -> C:
    """A configuration from a file and changes to it.

    Args:
        kind: the dataclass that it is; its fields may be dataclasses, which are tables.
        path: a TOML file; None is all defaults.
        changes: such as `loop.batch=4`; the value is TOML, or a text where it is none.

    Raises:
        InputError: no such file, no TOML, an unknown name, a value of another kind, or one that
            the dataclass refuses.
    """
    values = {} if path is None else read_toml(path)
    for change in changes:
        _apply(values, change)
    return _build(kind, values, "", str(path or "the configuration"))


def from_table(kind: type[C], values: Mapping[str, Any], source: str) -> C:
    """A dataclass of a table that was read elsewhere.

    Args:
        kind: the dataclass.
        values: by field name.
        source: where the table stands, for sentences.

    Raises:
        InputError: an unknown name, a value of another kind, or one that the dataclass refuses.
    """
    return _build(kind, values, "", source)


def config_text(kind: type[Any]) -> str:
    """A commented TOML file of all defaults; what has none stands as an empty text."""
    return _table_text(kind, None, "")


def _table_text(kind: type[Any], start: object, place: str) -> str:
    plain: list[str] = []
    tables: list[str] = []
    hints = get_type_hints(kind)
    for one in fields(kind):
        value = _default(one) if start is None else getattr(start, one.name)
        if is_dataclass(hints[one.name]):
            table = _table_text(hints[one.name], value or None, f"{place}{one.name}.")
            tables.append(f"[{place}{one.name}]\n{table}")
            continue
        note = _docs(kind).get(one.name, "")
        plain += [f"# {line}" for line in note.splitlines()]
        plain.append(f"{one.name} = {_toml(value)}")
    return "\n".join(plain) + "\n" + "".join(f"\n{table}" for table in tables)


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file.

    Raises:
        InputError: no such file, or no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no TOML: {error}") from error


def _apply(values: dict[str, Any], change: str) -> None:
    name, equals, text = change.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys):
        raise InputError(f"--set {change!r} is no change: expected name=value, as in loop.batch=4")
    table: dict[str, Any] = values
    for key in keys[:-1]:
        inner: Any = table.setdefault(key, {})
        if not isinstance(inner, dict):
            raise InputError(f"--set {change!r}: {key} is no table")
        table = cast("dict[str, Any]", inner)
    table[keys[-1]] = _read_value(text.strip())


def _read_value(text: str) -> Any:  # noqa: ANN401
    """A value of the command line: TOML, or a text where it is none."""
    try:
        read = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    # With a line break in it, it would be a value and more.
    return read["value"] if len(read) == 1 else text


def _build(
    kind: type[C],
    values: Mapping[str, Any],
    place: str,
    source: str,
    start: object = None,
) -> C:
    """A dataclass of a table; what the table leaves out is as in `start`, or as the class says."""
    if not is_dataclass(kind):
        raise TypeError(f"{kind} is no dataclass")
    hints = get_type_hints(kind)
    known = {one.name: one for one in fields(kind)}
    for name in values:
        if name not in known:
            raise InputError(
                f"{source} has {place}{name}, which is not known: expected {', '.join(known)}"
            )
    given: dict[str, Any] = {} if start is None else {n: getattr(start, n) for n in known}
    for name, value in values.items():
        # A table's other entries stay as this kind has them, not as their own class does.
        before = given.get(name) or _default(known[name]) or None
        given[name] = _value(hints[name], value, f"{place}{name}", source, before)
    for name, one in known.items():
        if name not in given and one.default is MISSING and one.default_factory is MISSING:
            if not is_dataclass(hints[name]):
                raise InputError(f"{source} lacks {place}{name}: {_docs(kind).get(name, '')}")
            given[name] = _build(cast("type[Any]", hints[name]), {}, f"{place}{name}.", source)
    return kind(**given)


def _value(
    hint: Any,  # noqa: ANN401
    value: Any,  # noqa: ANN401
    place: str,
    source: str,
    start: object = None,
) -> Any:  # noqa: ANN401
    """A value of a TOML file as its field wants it; a table begins as `start`."""
    for wanted in _choices(hint):
        if is_dataclass(wanted) and isinstance(value, dict):
            table = cast("dict[str, Any]", value)
            return _build(cast("type[Any]", wanted), table, f"{place}.", source, start)
        fitting = _fitting(wanted, value, place, source)
        if fitting is not _UNFIT:
            return fitting
    raise InputError(f"{source} has {place} = {value!r}, expected {_spoken(hint)}")


_UNFIT = object()


def _choices(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)


def _fitting(hint: Any, value: Any, place: str, source: str) -> Any:  # noqa: ANN401
    if get_origin(hint) is Literal:
        return value if value in get_args(hint) else _UNFIT
    if (words := _words(hint)) is not None:
        return hint(value) if value in words else _UNFIT
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            return _UNFIT
        element = get_args(hint)[0]
        items = cast("list[Any]", value)
        return tuple(_value(element, one, f"{place}[{i}]", source) for i, one in enumerate(items))
    if get_origin(hint) is Mapping:
        if not isinstance(value, dict):
            return _UNFIT
        element = get_args(hint)[1]
        table = cast("dict[str, Any]", value)
        return {
            name: _value(element, one, f"{place}.{name}", source) for name, one in table.items()
        }
    if hint is Any:
        return value
    if hint is NoneType:
        return None if value is None or value == "" else _UNFIT
    if hint is Path:
        return Path(value) if isinstance(value, str) and value else _UNFIT
    if hint is float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if is_number else _UNFIT
    # bool is an int to Python, and 1 is no yes.
    return value if type(value) is hint else _UNFIT


def _words(hint: object) -> list[str] | None:
    """What an enumeration may be; None where it is none."""
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return [str(word) for word in hint]
    return None


def _spoken(hint: Any) -> str:  # noqa: ANN401
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    if (words := _words(hint)) is not None:
        return f"one of {', '.join(words)}"
    names = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    names |= {Path: "a path", NoneType: "an empty text"}
    if get_origin(hint) is tuple:
        return "a list"
    if is_dataclass(hint) or get_origin(hint) is Mapping:
        return "a table"
    return " or ".join(names.get(one, str(one)) for one in _choices(hint))


def _default(one: Field[Any]) -> Any:  # noqa: ANN401
    if one.default is not MISSING:
        return one.default
    return "" if one.default_factory is MISSING else one.default_factory()


def _toml(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(_toml(one) for one in cast('Sequence[Any]', value))}]"
    # TOML's escapes are those of JSON.
    return json.dumps("" if value is None else str(value), ensure_ascii=False)


@cache
def _docs(kind: type[Any]) -> dict[str, str]:
    """The docstring under each field, of the dataclass and of those it extends."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        if is_dataclass(one):
            found |= _own_docs(one)
    return found


def _own_docs(kind: type[Any]) -> dict[str, str]:
    (tree,) = ast.parse(inspect.cleandoc(inspect.getsource(kind))).body
    found: dict[str, str] = {}
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    for before, after in pairwise(body):
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name):
            text = after.value if isinstance(after, ast.Expr) else None
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                found[before.target.id] = inspect.cleandoc(text.value)
    return found
