"""The effects ledger: calls to other systems, with their outcome.

A row is `planned` with the step that owes it, then `done`, or `failed` when the system refuses it for good. A row of a
superseded attempt is `superseded`: nobody asks for it any more, although the system may have done it. A key never
carries two contents: `digest` is its content, `edition` counts the changes.
"""

from typing import Any, NamedTuple, Protocol, TypeVar

from schemas.base import Origin
from schemas.ids import EffectKey
from schemas.messaging.effects import Effect, EffectReceipt
from store.batches import RowBatch
from store.changes import StepScope
from store.engine import Connection

MAX_ERROR = 300
EffectT = TypeVar("EffectT", bound=Effect)
_OTHERWISE = "(e.digest NOT IN ('', excluded.digest))"
"""Whether an effect says something else than before. An empty digest is that of a build that kept none."""
_ASKED_FOR_AGAIN = "(e.outcome = 'failed' AND excluded.version > e.version)"
"""Whether a later step owes what had failed for good: people have looked at it, and want it tried anew."""


OWED = RowBatch[Effect](
    **dict.fromkeys(("key", "system", "operation"), "text"),
    shipment=("text", lambda it: it.topic.shipment),
    milestone=("text", lambda it: it.topic.milestone),
    site=("text", lambda it: it.topic.site),
    change=("text", lambda it: it.topic.change),
    accepted_at="timestamptz",
    trace_id=("text", lambda it: it.traceparent[3:35]),
    order_status=("text", lambda it: it.topic.order_status),
    digest="text",
)


class OwedEffects(Protocol):
    """A change that says which effects a step owes."""

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What other systems are asked."""
        ...


async def plan(connection: Connection, order_key: str, owed: tuple[Effect, ...], version: int = 0) -> None:
    """Owe these effects from now on, by this version of an order. An unchanged effect stays as it is. A changed one
    is a new edition, and is owed again."""
    if not owed:
        return
    await connection.execute(
        f"""
        INSERT INTO effect AS e (order_key, version, outcome, attempts, {OWED.names})
        SELECT %(order)s, %(version)s, 'planned', 0, x.*
        FROM {OWED.rows}
        ON CONFLICT (key) DO UPDATE
        SET version = excluded.version,
            outcome = CASE
                WHEN {_OTHERWISE} OR {_ASKED_FOR_AGAIN} OR e.outcome = 'superseded' THEN 'planned'
                ELSE e.outcome
            END,
            attempts = CASE WHEN {_OTHERWISE} OR {_ASKED_FOR_AGAIN} THEN 0 ELSE e.attempts END,
            edition = e.edition + ({_OTHERWISE})::int, digest = excluded.digest,
            order_status = excluded.order_status,
            done_at = CASE WHEN {_OTHERWISE} THEN NULL ELSE e.done_at END
        WHERE e.outcome <> 'done' OR {_OTHERWISE}
        """.encode(),
        {"order": order_key, "version": version, **OWED.arrays(owed)},
    )


async def write(connection: Connection, scope: StepScope, change: OwedEffects) -> None:
    """Owe the effects of a step. Of one that is decided again, what only a superseded attempt owed is superseded."""
    if scope.again:
        await supersede(connection, scope.order, scope.step.base, change.effects)
    await plan(connection, scope.order, change.effects, scope.version)


async def write_beside(connection: Connection, scope: StepScope, change: OwedEffects) -> None:
    """Owe the effects of a step of a return. They stand beside those of its order, whose versions say nothing of them."""
    await plan(connection, scope.order, change.effects)


async def unknown(connection: Connection, owed: tuple[EffectT, ...]) -> tuple[EffectT, ...]:
    """Those that no attempt at a step has owed before."""
    cursor = await connection.execute(
        """
        SELECT key
        FROM effect
        WHERE key = ANY(%s)
        """,
        ([it.key for it in owed],),
    )
    known = {row["key"] for row in await cursor.fetchall()}
    return tuple(it for it in owed if it.key not in known)


async def supersede(connection: Connection, order_key: str, base: int, owed: tuple[Effect, ...]) -> None:
    """Of a step that is decided again: what was owed since its base, and is not by it, a superseded attempt owed."""
    await connection.execute(
        """
        UPDATE effect
        SET outcome = 'superseded'
        WHERE order_key = %s AND version > %s AND outcome = 'planned' AND key <> ALL(%s)
        """,
        (order_key, base, [e.key for e in owed]),
    )


class EffectStanding(NamedTuple):
    """The ledger's state of an effect before its call: the `receipt` when it is done, else the `key` to send it
    under. Neither, when nobody asks for it any more."""

    receipt: EffectReceipt | None = None
    key: str | None = None


async def standing(connection: Connection, effect: Effect) -> EffectStanding:
    """How an effect stands. Each edition is sent under a key of its own: `<key>/e<edition>` after the first."""
    cursor = await connection.execute(
        "SELECT outcome, edition, digest, reference, carrier FROM effect WHERE key = %s", (effect.key,)
    )
    row = await cursor.fetchone()
    if row is None:
        return EffectStanding(key=effect.key)
    if row["digest"] not in ("", effect.digest) or row["outcome"] == "superseded":
        return EffectStanding()
    if row["outcome"] == "done":
        return EffectStanding(receipt=EffectReceipt(reference=row["reference"] or "", carrier=row["carrier"]))
    return EffectStanding(key=EffectKey.parse(effect.key).edition(row["edition"]))


async def done(
    connection: Connection, effect: Effect, reference: str, attempts: int, carrier: str | None = None
) -> None:
    """The other system confirmed the effect; that says nothing of another edition. `carrier`: who takes the tender."""
    await connection.execute(
        f"""
        INSERT INTO effect AS e (
            key, order_key, system, operation, shipment, milestone, site, change, outcome, attempts,
            accepted_at, reference, done_at, digest, carrier
        )
        VALUES (
            %(key)s, %(order)s, %(system)s, %(operation)s, %(shipment)s, %(milestone)s, %(site)s, %(change)s,
            'done', %(attempts)s, %(accepted_at)s, %(reference)s, clock_timestamp(), %(digest)s, %(carrier)s
        )
        ON CONFLICT (key) DO UPDATE
        SET outcome = 'done', attempts = e.attempts + %(attempts)s, reference = excluded.reference,
            carrier = excluded.carrier, error = NULL, done_at = coalesce(e.done_at, excluded.done_at)
        WHERE NOT {_OTHERWISE}
        """.encode(),
        {**_columns(effect), "reference": reference, "attempts": attempts, "carrier": carrier},
    )


async def done_among(connection: Connection, keys: list[str]) -> set[str]:
    """Those that have been done."""
    cursor = await connection.execute(
        """
        SELECT key
        FROM effect
        WHERE key = ANY(%s) AND outcome = 'done'
        """,
        (keys,),
    )
    return {row["key"] for row in await cursor.fetchall()}


class EffectAttempts(NamedTuple):
    """What came of an effect before an attempt: how many may have reached the system, and what the last one said. `final`:
    of which origin it was, when it ended the effect for good."""

    before: int
    said: str = ""
    final: str = ""


async def begin(connection: Connection, effect: Effect) -> EffectAttempts:
    """An attempt is about to be made that may count without a word of it coming back. It is counted first."""
    cursor = await connection.execute(
        """
        INSERT INTO effect AS e (
            key, order_key, system, operation, shipment, milestone, site, change, outcome, attempts, accepted_at, digest
        )
        VALUES (
            %(key)s, %(order)s, %(system)s, %(operation)s, %(shipment)s, %(milestone)s, %(site)s, %(change)s,
            'planned', 1, %(accepted_at)s, %(digest)s
        )
        ON CONFLICT (key) DO UPDATE
        SET attempts = e.attempts + (e.outcome = 'planned')::int
        WHERE e.digest IN ('', excluded.digest)
        RETURNING attempts - (outcome = 'planned')::int AS before, outcome, origin, error
        """,
        _columns(effect),
    )
    row = await cursor.fetchone()
    if row is None:
        return EffectAttempts(0)
    return EffectAttempts(row["before"], row["error"] or "", row["origin"] if row["outcome"] == "failed" else "")


async def undone(connection: Connection, effect: Effect) -> None:
    """The attempt that was begun has surely done nothing: it does not count."""
    await connection.execute(
        """
        UPDATE effect
        SET attempts = greatest(attempts - 1, 0)
        WHERE key = %s AND digest IN ('', %s)
        """,
        (effect.key, effect.digest),
    )


async def failed(
    connection: Connection, effect: Effect, origin: Origin, error: str, *, final: bool, attempts: int = 1
) -> None:
    """An attempt failed. `final`: the system refused by rule, and no retry can help. `attempts`: 0 when it was counted as
    it began."""
    await connection.execute(
        """
        UPDATE effect
        SET outcome = CASE WHEN outcome IN ('done', 'superseded') THEN outcome ELSE %s END,
            attempts = attempts + %s, origin = %s, error = %s
        WHERE key = %s AND digest IN ('', %s)
        """,
        ("failed" if final else "planned", attempts, origin, error[:MAX_ERROR], effect.key, effect.digest),
    )


def _columns(effect: Effect) -> dict[str, Any]:
    return {
        **effect.model_dump(include={"key", "order", "accepted_at"}),
        **effect.topic._asdict(),
        "operation": effect.operation,
        "system": effect.system,
        "digest": effect.digest,
    }
