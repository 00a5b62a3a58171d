"""What a real Karrio has answered, played again: a tender, its repeat, an amendment, a void."""

import json
from dataclasses import replace

from connectors.karrio.adapter import KARRIO
from connectors.ports import Call, TmsPort
from connectors.routing import link_of
from schemas.messaging.instructions import Tender, TenderAmendment, TenderVoid
from tests.connectors.karrio.recording import RECORDED, Player, recorded
from tests.connectors.karrio.stand_in import made


def call(operation: str, *, repeated: bool = False) -> Call:
    """A call of the order that was recorded."""
    return Call("EMEA", f"erp-one/SO-900/{operation}", repeated=repeated)


async def test_the_connector_asks_as_it_did_and_reads_what_was_answered() -> None:
    said = recorded()
    player = Player(said["exchanges"])
    settings = {**made().settings, "packs_per_parcel": 50}
    link = link_of(KARRIO, replace(made(), settings=settings), player)
    port = KARRIO.ports[TmsPort](link)
    offered = Tender.model_validate_json(json.dumps(said["tender"]))
    first = await port.tender(offered, call("tender_transport"))
    again = await port.tender(offered, call("tender_transport", repeated=True))
    assert (first.carrier, first.replayed) == ("north", False)
    assert (again.reference, again.replayed) == (first.reference, True)
    fewer = TenderAmendment(order="SO-900", packs=40, revision=2, reason="fewer")
    other = await port.amend(fewer, call("amend_tender"))
    assert other.reference != first.reference
    gone = await port.void(TenderVoid(order="SO-900", revision=3, reason="withdrawn"), call("void_tender"))
    assert gone.reference == other.reference
    assert player.exchanges == [], "less was asked than before"


def test_the_recording_holds_no_secret() -> None:
    text = RECORDED.read_text()
    assert "key_" not in text.replace("syncline_key", "").replace("metadata_key", "")
    assert "whsec_" not in text
    assert "Authorization" not in text
