"""The API over HTTP, for the commands that change something: they go the way of every other caller."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
import typer
from pydantic import BaseModel, ValidationError

from cli.terminal import configured, fail
from gateway.http.problems import ProblemDetail
from schemas.notation import plain_whole
from schemas.parsing import InvalidMessage, check
from stack.layout import local_admin_key, whereabouts

TIMEOUT_S = 35.0
"""Longer than the gateway itself takes to give up."""
GLANCE_S = 3.0
"""Seconds for a look that the command can do without."""
NEXT_STEPS = {
    "unauthenticated": "Set SYNCLINE_API_KEY to a valid key, or run this where `syncline up` was started.",
    "forbidden": "Use a key whose role may do this: `syncline partner add` makes one.",
    "not-found": "Look for it: `syncline order show NUMBER`, `syncline case list`, `syncline proposal list`.",
    "ambiguous": "Name the ERP with --erp.",
    "refused": "Nothing was changed. See where the order is: `syncline order show NUMBER`.",
    "invalid": "Correct what the findings name.",
    "changed": "Somebody else has changed it: look at it again.",
}
"""Next steps by the last part of a problem's type; for any other, send the request again."""
AGAIN = "Send it again with the same --id: it is carried out once."

Answered = TypeVar("Answered", bound=BaseModel)
RequestId = Annotated[
    str, typer.Option("--id", help="Your id of this request: the same id is carried out once.", show_default="made up")
]
Reason = Annotated[str, typer.Option(help="Why; kept with the order.")]
Erp = Annotated[str | None, typer.Option(help="Whose order number it is, when several ERPs use it.")]


def new_id() -> str:
    """An id for a request that was given none."""
    return f"cli-{uuid4().hex[:16]}"


class Method(StrEnum):
    """The HTTP methods that the API takes."""

    GET = "GET"
    POST = "POST"
    PUT = "PUT"


class Api:
    """The API that SYNCLINE_API_URL and SYNCLINE_API_KEY name, or the local stack's. Ends the program on a refusal."""

    def __init__(self, state_dir: Path) -> None:
        settings, local = configured(), whereabouts(state_dir)
        self._url, self._key = settings.api_url, settings.api_key.get_secret_value()
        if not self._url and local:  # the local key is for the local stack only
            self._url, self._key = local.gateway_url, self._key or local_admin_key(state_dir) or ""

    def get(self, path: str, answered: type[Answered], **query: Any) -> Answered:
        """Read something."""
        return self._call(Method.GET, path, answered, query=query)

    def glance(self, path: str, answered: type[Answered], **query: Any) -> Answered | None:
        """Read something that can be done without: None when nobody answers, or not this caller."""
        try:
            answer = self._send(Method.GET, path, None, query, GLANCE_S)
        except httpx.HTTPError:
            return None
        return answered.model_validate_json(answer.content) if answer.is_success else None

    def post(
        self, path: str, answered: type[Answered], asked: type[BaseModel], fields: dict[str, Any], **query: Any
    ) -> Answered:
        """Ask for something: `fields` that are not None, checked as the gateway does."""
        return self._call(Method.POST, path, answered, _checked(asked, fields), query)

    def attempt(
        self, path: str, answered: type[Answered], asked: type[BaseModel], fields: dict[str, Any], **query: Any
    ) -> Answered | ProblemDetail:
        """Ask for something; a problem with findings is returned, for callers that can say more of them."""
        answer = self._sent(Method.POST, path, _checked(asked, fields), query)
        if answer.is_success:
            return answered.model_validate_json(answer.content)
        try:
            problem = ProblemDetail.model_validate_json(answer.content)
        except ValidationError:
            raise fail(_explained(answer)) from None
        if not problem.findings:
            raise fail(_explained(answer))
        return problem

    def put(self, path: str, answered: type[Answered], asked: type[BaseModel], fields: dict[str, Any]) -> Answered:
        """Put something in its place."""
        return self._call(Method.PUT, path, answered, _checked(asked, fields))

    def _call(
        self,
        method: Method,
        path: str,
        answered: type[Answered],
        body: BaseModel | None = None,
        query: dict[str, Any] | None = None,
    ) -> Answered:
        answer = self._sent(method, path, body, query or {})
        if not answer.is_success:
            raise fail(_explained(answer))
        return answered.model_validate_json(answer.content)

    def _sent(self, method: Method, path: str, body: BaseModel | None, query: dict[str, Any]) -> httpx.Response:
        if not self._url:
            raise fail("no API is known: start one with `syncline up`, or set SYNCLINE_API_URL and SYNCLINE_API_KEY")
        try:
            return self._send(method, path, body, query, TIMEOUT_S)
        except httpx.HTTPError as error:
            raise fail(f"no API answers at {self._url} ({type(error).__name__}): is `syncline up` running?") from None

    def _send(
        self, method: Method, path: str, body: BaseModel | None, query: dict[str, Any], timeout_s: float
    ) -> httpx.Response:
        return httpx.request(
            method,
            self._url.rstrip("/") + quote(path),
            params={name: value for name, value in query.items() if value is not None},
            content=body.model_dump_json(exclude_unset=True) if body else None,
            headers={"X-API-Key": self._key, "Content-Type": "application/json"},
            timeout=timeout_s,
            trust_env=False,
        )


def _checked(asked: type[BaseModel], fields: dict[str, Any]) -> BaseModel:
    try:
        return check(asked, {name: value for name, value in fields.items() if value is not None})
    except InvalidMessage as refused:
        raise fail("\n".join(f"{f['field']}: {f['rule']}" for f in refused.findings)) from None


def _explained(answer: httpx.Response) -> str:
    """A problem's detail and findings, and what to do next."""
    try:
        problem = ProblemDetail.model_validate_json(answer.content)
    except ValidationError:
        return f"the API answered with HTTP {answer.status_code}. {AGAIN}"
    findings = "".join(f"\n  {finding.field}: {finding.rule}" for finding in problem.findings)
    return f"{problem.detail}{findings}\n{NEXT_STEPS.get(problem.type.rpartition('/')[2], AGAIN)}"


def whole(text: str) -> int:
    """A whole number in digits. Raises ValueError."""
    return int(str(plain_whole(text)))


def numbered(texts: Iterable[str], name: str, value: Callable[[str], Any] = whole) -> list[dict[str, Any]]:
    """`["1=40"]` as `[{"line": 1, name: 40}]`. Fails on what is not of this form."""
    try:
        pairs = [text.split("=", 1) for text in texts]
        return [{"line": whole(line), name: value(said)} for line, said in pairs]
    except ValueError:
        raise fail(f"write lines as LINE={name.upper()}, as in 1={'ITEM' if value is str else '40'}") from None
