"""The planning feed: what its workflow and its activity say to each other."""

from schemas.base import Contract

ALL = "*"
"""The planning system of every region that has none of its own."""


class FeedRun(Contract):
    """A planning feed: one per planning system and shard. `region` names the system: that of one region, or `*`, which
    takes every region but the `others`. `cycles` counts the activity runs since the workflow began."""

    region: str = ALL
    others: tuple[str, ...] = ()
    shard: int = 0
    cycles: int = 0

    @property
    def name(self) -> str:
        """`<region>/<shard>`, or `all/<shard>`."""
        return f"{'all' if self.region == ALL else self.region}/{self.shard}"

    @property
    def workflow_id(self) -> str:
        """`planning/<name>`."""
        return f"planning/{self.name}"

    @property
    def scope(self) -> dict[str, object]:
        """Which movements it takes, as values of a query. Rows of no known region wait for one where regions have
        systems of their own."""
        return {"region": self.region, "others": [*self.others, ""] if self.others else []}


class FeedReport(Contract):
    """The result of one run of the feed's activity."""

    deltas: int = 0
    calls: int = 0
