"""What an order or purchase order knows of its cases, and what follows from what is wrong now. Pure.

A finding has a measure where it has a size. What people have resolved is not raised again before it was cured, unless
it becomes worse by more than a band. An open case follows every change of its figures.
"""

from collections.abc import Iterable
from zlib import crc32

from schemas.cases.cases import Finding, KnownCase
from schemas.cases.exceptions import ExceptionKind

DAYS = 2
"""A delay that grows by no more is the delay that people know: carriers' ETAs tremble by a day or two."""
SHARE = 0.1
"""Neither is what grows by no more than a tenth."""


def worse(kind: ExceptionKind, now: int, before: int) -> bool:
    """Whether something is worse than it was by more than the band of its kind."""
    return now - before > max(DAYS if kind is ExceptionKind.DELAY else 0, SHARE * before)


def mark(findings: Iterable[Finding]) -> int:
    """Names what a case was told last, sentences included; never 0, which means that nobody knows."""
    return crc32("\n".join(f"{it.subject}: {it.summary}" for it in findings).encode()) or 1


def measures(findings: Iterable[Finding]) -> dict[str, int]:
    """How big each is that has a size."""
    return {it.subject: it.measure for it in findings if it.measure}


def still_settled(known: KnownCase, wrong: Iterable[Finding]) -> KnownCase:
    """Without what people had settled and is cured now, or worse: it counts as new."""
    same = {it.subject for it in wrong if not worse(known.kind, it.measure, known.accepted.get(it.subject, it.measure))}
    settled = tuple(name for name in known.settled if name in same)
    accepted = {name: size for name, size in known.accepted.items() if name in settled}
    return known.model_copy(update={"settled": settled, "accepted": accepted})


def resolved(known: KnownCase, subjects: tuple[str, ...], told: Iterable[Finding]) -> KnownCase:
    """People have resolved a case although its cause is not cured: these subjects, as big as they were `told`."""
    settled = tuple(sorted({*known.settled, *subjects}))
    sizes = {name: size for name, size in measures(told).items() if name in subjects}
    accepted = {**known.accepted, **sizes}
    return known.model_copy(update={"open": False, "subjects": subjects, "settled": settled, "accepted": accepted})


def next_case(known: KnownCase | None, kind: ExceptionKind, findings: tuple[Finding, ...]) -> KnownCase:
    """The case to open for findings that no open case covers: the last one again when it was about one of them."""
    subjects = tuple(it.subject for it in findings)
    if known is None:
        return KnownCase(kind=kind, number=1, open=True, subjects=subjects, told=mark(findings))
    again = bool({*subjects} & {*known.subjects})
    return known.model_copy(
        update={
            "number": known.number + (not again),
            "open": True,
            "subjects": subjects,
            "reopened": known.reopened + 1 if again else 0,
            "told": mark(findings),
        }
    )
