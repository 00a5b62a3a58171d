"""Entries of a system's list: how each is named in the list, and as the subject of a difference."""

from typing import NamedTuple, Self

from schemas.finance.reconciliation import About, Difference

_SUBJECTS = {About.ORDER: "order {}", About.TARGET: "targets of order {}", About.EFFECT: "effect {}"}


class AccountEntry(NamedTuple):
    """The key of an order's account: `<order> <account> <currency>`."""

    order: str
    account: str
    currency: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        parts = text.rsplit(" ", 2)
        if len(parts) != len(cls._fields) or not all(parts):
            raise ValueError(f"{text!r} names no entry of an account: it must be <order> <account> <currency>")
        return cls(*parts)

    def __str__(self) -> str:
        return f"{self.order} {self.account} {self.currency}"

    @property
    def subject(self) -> str:
        """As a difference names it."""
        return f"{self.account} of order {self.order} in {self.currency}"


def subject_of(about: About, name: str) -> str:
    """As a difference names an entry of a list of orders, targets or effects."""
    return _SUBJECTS[about].format(name)


def listed_as(difference: Difference) -> str:
    """The name of the list's entry that a difference is about; empty when it is about none. The inverse of what a
    difference calls it."""
    if difference.about is About.ACCOUNT:
        before, after = AccountEntry("\n", difference.item, difference.place).subject.split("\n")
        order = difference.subject.removeprefix(before).removesuffix(after)
        return str(AccountEntry(order, difference.item, difference.place))
    start = _SUBJECTS.get(difference.about, "").format("")
    return difference.subject.removeprefix(start) if start else ""
