"""What differs between two documents, field by field."""

from collections.abc import Iterator
from typing import Any, NamedTuple


class FieldChange(NamedTuple):
    """A field that differs, and both values; None: it is absent."""

    field: str
    before: Any
    after: Any


def differences(before: Any, after: Any, field: str = "") -> Iterator[FieldChange]:
    """The fields of two documents that differ. Members of a list with names are told apart by these, not by place."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from differences(before.get(key), after.get(key), f"{field}.{key}".lstrip("."))
    elif (old := _by_name(before)) is not None and (new := _by_name(after)) is not None and (old or new):
        for name in sorted(old.keys() | new.keys()):
            yield from differences(old.get(name), new.get(name), f"{field}[{name}]")
    elif before != after:
        yield FieldChange(field, before, after)


def _by_name(value: Any) -> dict[str, Any] | None:
    """A list of things with names, by name; an absent one has none. None for anything else."""
    if value is None:
        return {}
    if isinstance(value, list) and all(isinstance(it, dict) and "name" in it for it in value):
        return {it["name"]: it for it in value}
    return None
