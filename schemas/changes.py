"""Typed changes: a step is a list of them, each written by the store of its subject."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, SerializeAsAny

from schemas.base import Contract


class Change(Contract):
    """One kind of change that a step makes. A kind is a subclass beside its subject's schemas, with a `tag` of its own.

    Raises TypeError where a second kind takes the same tag.
    """

    tag: ClassVar[str] = ""
    """What the kind is called in a payload: short, as every step names it."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Make the kind known by its tag."""
        super().__pydantic_init_subclass__(**kwargs)
        if KINDS.setdefault(cls.tag, cls) is not cls:
            raise TypeError(f"{cls.__name__} has the tag {cls.tag!r} of {KINDS[cls.tag].__name__}")

    def plus(self, later: Self) -> Self:
        """This change and a later one of its kind: lists go on, what is said by key is replaced, so is all else."""
        said = {name: _joined(getattr(self, name), getattr(later, name)) for name in type(self).model_fields}
        return self.model_copy(update=said)


def _joined(known: Any, later: Any) -> Any:
    if isinstance(known, tuple):
        return (*known, *later)
    return {**known, **later} if isinstance(known, dict) else later


KINDS: dict[str, type[Change]] = {}
"""Every kind of change by its tag: of those modules that are imported."""
Kind = TypeVar("Kind", bound=Change)


def _read(given: object) -> object:
    """Changes from a payload. An unknown kind is refused: an older worker must not drop what a newer one decided."""
    if not isinstance(given, Mapping):
        return given
    if unknown := given.keys() - KINDS.keys():
        raise ValueError(f"no change is called {', '.join(sorted(unknown))}: the worker is older than its sender")
    return tuple(KINDS[tag].model_validate(body) for tag, body in given.items())


def _once(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    tags = [change.tag for change in changes]
    if twice := sorted({tag for tag in tags if tags.count(tag) > 1}):
        raise ValueError(f"one step has two changes of kind {', '.join(twice)}")
    return changes


def _by_tag(changes: tuple[Change, ...]) -> dict[str, SerializeAsAny[Change]]:
    return {change.tag: change for change in changes}


Changes = Annotated[tuple[Change, ...], BeforeValidator(_read), AfterValidator(_once), PlainSerializer(_by_tag)]
"""The changes of a step, at most one of each kind. A payload has them by tag: what did not change costs no byte."""


def joined(changes: Iterable[Change]) -> tuple[Change, ...]:
    """One change of each kind, in the order in which the kinds come up."""
    found: dict[str, Change] = {}
    for change in changes:
        known = found.get(change.tag)
        found[change.tag] = known.plus(change) if known else change
    return tuple(found.values())
