"""Generic webhook: a CloudEvent `syncline.notice.v1`, signed per Standard Webhooks 1.0."""

import time

from connectors.notify.http import Webhooks
from connectors.notify.ports import Letter
from connectors.ports import Refused
from schemas.base import Origin
from schemas.envelope import Envelope
from schemas.notify import TYPE_NOTICE, NoticeEvent, signing_secret
from schemas.webhooks import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

SOURCE = "syncline"


class Webhook:
    """Generic webhooks by name."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    async def send(self, letter: Letter) -> None:
        """Post the letter as a signed event. A repeat has the same id and Idempotency-Key.

        Raises Refused, also when the webhook has no secret to sign with, or Unavailable.
        """
        target = self._webhooks.named(letter.to)
        secret = target.secret.get_secret_value()
        if not secret:
            raise Refused(Origin.NOTIFY, "the webhook has no secret to sign with")
        body = event(letter).model_dump_json(exclude_none=True).encode()
        timestamp = int(time.time())
        headers = {
            "Content-Type": "application/cloudevents+json",
            "Idempotency-Key": letter.key,
            ID_HEADER: letter.id,
            TIMESTAMP_HEADER: str(timestamp),
            SIGNATURE_HEADER: sign(signing_secret(secret), letter.id, timestamp, body),
        }
        await self._webhooks.post(target, body, headers)


def event(letter: Letter) -> Envelope[NoticeEvent]:
    """The letter as an event. Id, time and content follow from its notices, so that a repeat is the same event."""
    return Envelope[NoticeEvent](
        specversion="1.0",
        id=letter.id,
        source=SOURCE,
        type=TYPE_NOTICE,
        time=max(notice.asked_at for notice in letter.notices),
        data=NoticeEvent(subject=letter.subject, text=letter.text, notices=letter.notices),
    )
