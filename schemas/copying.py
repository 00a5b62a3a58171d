"""Copies one message into another one of the same family, such as a sent document into one in book units. Contracts
ignore unknown fields; here a field that the other does not have is named, or refused."""

from collections.abc import Collection
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel

Made = TypeVar("Made", bound=BaseModel)


def made_of(kind: type[Made], source: BaseModel, *, without: Collection[str] = (), **changes: Any) -> Made:
    """A message with what `source` says, but for the fields `without`, and with `changes`.

    Unset fields stay unset, so that histories hold no defaults.

    Raises TypeError when the source has a field that would be lost, pydantic's ValidationError.
    """
    known = _carried(kind, type(source), frozenset(without))
    said = {name: getattr(source, name) for name in source.model_fields_set if name in known}
    return kind.model_validate({**said, **changes})


@cache
def _carried(kind: type[BaseModel], source: type[BaseModel], without: frozenset[str]) -> frozenset[str]:
    """The fields that one kind of message takes from another. Raises TypeError when one would be lost."""
    known = source.model_fields.keys() - without
    if lost := sorted(known - kind.model_fields.keys()):
        raise TypeError(f"{kind.__name__} has no {', '.join(lost)} of {source.__name__}")
    return frozenset(known)
