"""The planning feed: what its workflow and its activity say to each other."""

from schemas.base import Contract


class FeedRun(Contract):
    """A planning feed: one per region and shard. `cycles` counts the activity runs since the workflow began."""

    region: str
    shard: int = 0
    cycles: int = 0

    @property
    def workflow_id(self) -> str:
        """`planning/<region>/<shard>`."""
        return f"planning/{self.region}/{self.shard}"


class FeedReport(Contract):
    """What one run of the feed's activity did."""

    deltas: int = 0
    calls: int = 0
