"""Every kind of edit by its name, and an edit from the record of a file."""

from collections.abc import Mapping
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from auffusion.cli.edit.edit import Edit
from auffusion.cli.edit.extend import Extend
from auffusion.cli.edit.inpaint import Inpaint
from auffusion.cli.edit.loop import Loop
from auffusion.cli.edit.refine import Refine
from auffusion.cli.edit.restyle import Restyle
from auffusion.cli.edit.reweight import Reweight
from auffusion.cli.edit.swap import Swap
from auffusion.cli.edit.upsample import Upsample
from auffusion.errors import InputError
from auffusion.studio.settings import UsedEdit

KINDS: Mapping[str, type[Edit]] = {
    kind.kind: kind for kind in (Restyle, Inpaint, Extend, Loop, Upsample, Swap, Refine, Reweight)
}
"""The class of each kind."""


def read_edit(used: UsedEdit, source: str) -> Edit:
    """The edit that a record describes.

    Args:
        used: what the record says.
        source: the file, with which the sentence of an error begins.

    Raises:
        InputError: a kind of another version, or options that are damaged.
    """
    kind = KINDS.get(used.kind)
    if kind is None:
        raise InputError(
            f"{source} was made by auffusion edit {used.kind}, which this version does not know: "
            f"expected one of {', '.join(KINDS)}"
        )
    hints = get_type_hints(kind)
    names = {field.name for field in fields(cast("Any", kind))}
    fitting = names == set(used.options) and all(
        _fits(hints[name], value) for name, value in used.options.items()
    )
    if not fitting:
        raise InputError(
            f"the options of auffusion edit {used.kind} in {source} are damaged: only a file as "
            "auffusion wrote it can be made again"
        )
    return kind(**{name: _from_json(value) for name, value in used.options.items()})


def _fits(hint: Any, value: Any) -> bool:  # noqa: ANN401
    """Whether a value of JSON is one of a field's type."""
    if get_origin(hint) in {Union, UnionType}:
        return any(_fits(one, value) for one in get_args(hint))
    if get_origin(hint) is tuple:
        wanted = get_args(hint)
        if not isinstance(value, list):
            return False
        values = cast("list[Any]", value)
        if wanted[-1] is ...:
            return all(_fits(wanted[0], one) for one in values)
        return len(wanted) == len(values) and all(map(_fits, wanted, values))
    if hint is float:
        return type(value) in {float, int}
    return value is None if hint is NoneType else type(value) is hint


def _from_json(value: Any) -> Any:  # noqa: ANN401
    return tuple(map(_from_json, cast("list[Any]", value))) if isinstance(value, list) else value
