"""The table of policies: every version of every rule. Their meaning is decided by `domain.cases.escalation_policies`."""

from psycopg.types.json import Jsonb

from schemas.cases.policies import About, PolicyRule
from store.engine import Connection


async def rules(connection: Connection, about: About) -> tuple[PolicyRule, ...]:
    """The rules in force: the newest version of each."""
    cursor = await connection.execute(
        """
        SELECT *
        FROM (SELECT DISTINCT ON (id) id, version, about, scope, body FROM policy ORDER BY id, version DESC) p
        WHERE about = %s
        ORDER BY id
        """,
        (about,),
    )
    return tuple(PolicyRule.model_validate(row) for row in await cursor.fetchall())


async def put(connection: Connection, rule: PolicyRule) -> int:
    """Add a rule, or a new version of the one with its id; returns its version. The rule's own `version` is not used.

    Needs a transaction: changes to rules wait for each other until it ends.
    """
    await connection.execute("LOCK TABLE policy IN SHARE ROW EXCLUSIVE MODE")
    cursor = await connection.execute(
        """
        INSERT INTO policy (id, version, about, scope, body)
        SELECT %(id)s::text, coalesce(max(version), 0) + 1, %(about)s, %(scope)s, %(body)s
        FROM policy
        WHERE id = %(id)s::text
        RETURNING version
        """,
        {
            "id": rule.id,
            "about": rule.about,
            "scope": Jsonb(rule.scope.model_dump(mode="json", exclude_none=True)),
            "body": Jsonb(rule.body),
        },
    )
    [row] = await cursor.fetchall()
    return int(row["version"])


async def customer_of(connection: Connection, order_key: str) -> str:
    """The receiver of the goods: `customer` in a rule's scope. Raises LookupError when the order is unknown."""
    cursor = await connection.execute(
        "SELECT release->'ship_to'->>'id' AS customer FROM order_view WHERE key = %s", (order_key,)
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(order_key)
    return str(row["customer"])
