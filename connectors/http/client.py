"""The client of the Syncline REST API: contracts are posted under their key, and read strictly."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from connectors.http.vendor import API_ORIGIN, MAX_ANSWER_BYTES, MAX_PAGE_BYTES, RULE_ORIGIN, VendorAnswer, VendorClient
from connectors.ports import Call, Unavailable
from schemas.parsing import heard

__all__ = ["API_ORIGIN", "MAX_ANSWER_BYTES", "RULE_ORIGIN", "SystemClient"]

Answer = TypeVar("Answer", bound=BaseModel)
NOT_FOUND = 404
"""The status of a record that the system does not have (RFC 9110, 15.5.5)."""
MAY_BE_MISSING = frozenset({NOT_FOUND})


class SystemClient(VendorClient):
    """Posts and reads contracts over one connection."""

    async def post(self, path: str, body: BaseModel, call: Call, answer: type[Answer]) -> Answer:
        """POST a contract and read the answer. Raises Refused (a rule) or Unavailable (no answer, anything else)."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": call.key}
        content = body.model_dump_json(exclude_none=True)
        return self._read(await self.send("POST", path, call, headers=headers, content=content), answer)

    async def find(self, path: str, call: Call, answer: type[Answer]) -> Answer | None:
        """GET one record; None: there is no such address (404). Raises Refused or Unavailable."""
        found = await self.send("GET", path, call, expected=MAY_BE_MISSING)
        return None if found.status == NOT_FOUND else self._read(found, answer)

    async def page(self, path: str, query: dict[str, str | int], call: Call, answer: type[Answer]) -> Answer | None:
        """GET a page of a list; None: there is no such address (404). Raises Refused or Unavailable."""
        found = await self.send("GET", path, call, expected=MAY_BE_MISSING, max_bytes=MAX_PAGE_BYTES, params=query)
        return None if found.status == NOT_FOUND else self._read(found, answer)

    def _read(self, found: VendorAnswer, answer: type[Answer]) -> Answer:
        try:
            return heard(answer, found.content)
        except ValidationError:
            raise Unavailable(API_ORIGIN[self.system], f"{self.system}: the answer is not of the contract") from None
