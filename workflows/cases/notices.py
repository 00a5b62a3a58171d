"""Alerts and customer messages: what is asked for in the outbox of notices goes out, each under its key.

case --> outbox of notices --> dispatcher --> e-mail, chat, webhook
"""

from temporalio import workflow

from schemas.cases.notifications import NoticesReport, NoticesRun
from schemas.queues import NOTIFY_QUEUE
from workflows.runtime.singleton import Singleton

DISPATCHER = Singleton[NoticesRun, NoticesReport](
    activity="notify.dispatch",
    queue=NOTIFY_QUEUE,
    report=NoticesReport,
    summary=lambda run: "alerts and customer messages",
    page=lambda run, total: (
        f"**{total.notices}** notices sent in **{total.messages}** messages; "
        f"**{total.given_up}** given up, **{total.failures}** attempts failed"
    ),
)


@workflow.defn(name="Notices")
class NoticesWorkflow:
    """The dispatcher of notices. Id: `notices/<shard>`. It never ends; it continues as new."""

    @workflow.run
    async def run(self, run: NoticesRun) -> None:
        """Dispatch, again and again. While a channel is down its notices wait in the outbox; the others go on."""
        await DISPATCHER.run(run)
