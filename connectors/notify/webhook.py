"""Generic webhook: a CloudEvent `syncline.notice.v1`, signed per Standard Webhooks 1.0."""

from datetime import UTC, datetime

from connectors.notify.http import Webhooks
from connectors.notify.ports import OutgoingMessage
from connectors.ports import Unavailable
from schemas.base import Origin
from schemas.cases.notifications import TYPE_NOTICE, NoticeEvent
from schemas.messaging.envelope import Envelope
from schemas.messaging.webhooks import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

SOURCE = "syncline"


class Webhook:
    """Generic webhooks by name."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    async def send(self, message: OutgoingMessage) -> None:
        """Post the message as a signed event. A repeat has the same id and Idempotency-Key.

        Every secret that counts now signs it: a receiver that changes over knows one of them. Raises Refused, or
        Unavailable, also when none counts now.
        """
        target = self._webhooks.named(message.to)
        body = event(message).model_dump_json(exclude_none=True).encode()
        now = datetime.now(UTC)
        secrets, timestamp = target.signing(now), int(now.timestamp())
        if not secrets:
            raise Unavailable(Origin.NOTIFY, "the webhook has no secret to sign with now")
        headers = {
            "Content-Type": "application/cloudevents+json",
            "Idempotency-Key": message.key,
            ID_HEADER: message.id,
            TIMESTAMP_HEADER: str(timestamp),
            SIGNATURE_HEADER: " ".join(sign(secret, message.id, timestamp, body) for secret in secrets),
        }
        await self._webhooks.post(target, body, headers)


def event(message: OutgoingMessage) -> Envelope[NoticeEvent]:
    """The message as an event. Id, time and content follow from its notices, so that a repeat is the same event."""
    return Envelope[NoticeEvent](
        specversion="1.0",
        id=message.id,
        source=SOURCE,
        type=TYPE_NOTICE,
        time=max(notice.asked_at for notice in message.notices),
        data=NoticeEvent(subject=message.subject, text=message.text, notices=message.notices),
    )
