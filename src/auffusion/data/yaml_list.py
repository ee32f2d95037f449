"""Long lists in YAML files, item by item.

They are put together from libyaml's events: tags that would make objects and aliases that make a
small file large are never followed, and only one item is in memory.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import yaml

from auffusion.errors import InputError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def yaml_items(path: Path, member: str) -> Iterator[object]:
    """The items of the list that the mapping in a YAML file has under a name.

    They are lists, dicts and texts; numbers stay texts, an alias is None.

    Raises:
        InputError: no such file or list, or one that is no YAML from somewhere on; what stands
            before that has been yielded then.
    """
    try:
        with path.open("rb") as file:
            events = cast("Iterator[Any]", yaml.parse(file, Loader=_LOADER))
            _enter(events, path, member)
            while not isinstance(event := next(events), yaml.SequenceEndEvent):
                yield _value(event, events)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        told = " ".join(str(error).split())
        raise InputError(f"{path} is damaged or no YAML ({told}): fetch it again") from error


def _enter(events: Iterator[Any], path: Path, member: str) -> None:
    """Go into the list."""
    # Before the document's own value stand the beginnings of the stream and the document.
    opening = next((event for event in events if isinstance(event, yaml.NodeEvent)), None)
    if isinstance(opening, yaml.MappingStartEvent):
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            name, inner = _value(event, events), next(events)
            if name == member and isinstance(inner, yaml.SequenceStartEvent):
                return
            _value(inner, events)
    raise InputError(f"{path} holds no list {member!r}: is it the published file?")


def _value(event: object, events: Iterator[Any]) -> object:
    """The value that begins with an event."""
    if isinstance(event, yaml.ScalarEvent):
        return event.value
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[object] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(_value(event, events))
        return items
    if isinstance(event, yaml.MappingStartEvent):
        pairs: dict[str, object] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            name = _value(event, events)
            pairs[str(name)] = _value(next(events), events)
        return pairs
    return None
