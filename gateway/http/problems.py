"""Problem answers: RFC 9457 (`application/problem+json`). Every kind is explained in docs/problems.md.

No problem tells more than its kind, a written sentence, and findings that name field and rule: never a value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from psycopg import OperationalError
from starlette.exceptions import HTTPException
from starlette.types import Scope

from gateway.http.pages import is_for_people, page
from gateway.http.request_context import request_context_of
from schemas.base import Contract
from schemas.parsing import MAX_FINDINGS, InvalidMessage, finding

MEDIA_TYPE = "application/problem+json"


class BrokenRule(Contract):
    """One broken rule and where."""

    field: str
    rule: str


class ProblemDetail(Contract):
    """The body of every answer that is not a success (RFC 9457). `instance` is the request's id."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    findings: tuple[BrokenRule, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A kind of problem: `slug` is its name in the type URL and its anchor in docs/problems.md."""

    slug: str
    status: int
    title: str

    @property
    def url(self) -> str:
        """The problem's `type`."""
        return f"/problems/{self.slug}"


MALFORMED = Kind("malformed", 400, "This is not HTTP")
UNAUTHENTICATED = Kind("unauthenticated", 401, "The caller is not known")
FORBIDDEN = Kind("forbidden", 403, "The caller may not do this")
NOT_FOUND = Kind("not-found", 404, "There is no such thing")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "This address does not take this method")
TOO_SLOW = Kind("too-slow", 408, "The request did not come in time")
CONTENT_DIFFERS = Kind("content-differs", 409, "The same number or id was used with other content")
AMBIGUOUS = Kind("ambiguous", 409, "Several orders have this number")
REFUSED = Kind("refused", 409, "The order, case or return refuses this now")
CHANGED = Kind("changed", 412, "Somebody else has changed it meanwhile")
TOO_LARGE = Kind("too-large", 413, "The body is too large")
MEDIA_TYPE_UNKNOWN = Kind("media-type-unknown", 415, "The body is of a type that is not taken here")
INVALID = Kind("invalid", 422, "The message breaks a rule of its contract")
VERSION_NEEDED = Kind("version-needed", 428, "The request does not say what it changes from")
RATE_LIMITED = Kind("rate-limited", 429, "Too many requests")
HEAD_TOO_LARGE = Kind("head-too-large", 431, "The headers are too large, or too many")
INTERNAL = Kind("internal", 500, "The request failed inside Syncline")
UNAVAILABLE = Kind("unavailable", 503, "The message could not be committed now")
CROWDED = Kind("crowded", 503, "There is no place for another caller now")
TIMED_OUT = Kind("timed-out", 503, "The request took too long")
OTHER = Kind("other", 400, "The request cannot be served")

KINDS = (
    MALFORMED,
    UNAUTHENTICATED,
    FORBIDDEN,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    TOO_SLOW,
    CONTENT_DIFFERS,
    AMBIGUOUS,
    REFUSED,
    CHANGED,
    TOO_LARGE,
    MEDIA_TYPE_UNKNOWN,
    INVALID,
    VERSION_NEEDED,
    RATE_LIMITED,
    HEAD_TOO_LARGE,
    INTERNAL,
    UNAVAILABLE,
    CROWDED,
    TIMED_OUT,
    OTHER,
)
_OF_STATUS = {404: NOT_FOUND, 405: METHOD_NOT_ALLOWED, 413: TOO_LARGE}
RETRY_AFTER_S = "2"


class Problem(HTTPException):
    """Raise to answer with a problem. An HTTPException, so that FastAPI lets it pass from wherever it is raised."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        findings: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind.status, detail, headers)
        self.kind = kind
        self.findings = findings

    def response(self, request_id: str) -> Response:
        """The answer as RFC 9457 wants it."""
        body = ProblemDetail(
            type=self.kind.url,
            title=self.kind.title,
            status=self.status_code,
            detail=self.detail,
            instance=f"urn:uuid:{request_id}",
            findings=tuple(BrokenRule.model_validate(finding) for finding in self.findings),
        )
        return Response(body.model_dump_json(), self.status_code, self.headers, MEDIA_TYPE)


def invalid(findings: Sequence[Mapping[str, str]]) -> Problem:
    """The message breaks these rules of its contract."""
    return Problem(INVALID, "Nothing was stored. Each finding names a field and the rule that it breaks.", findings)


def unavailable() -> Problem:
    """The database cannot take the message now: nothing is promised, the caller should send it again."""
    return Problem(
        UNAVAILABLE,
        "It is not certain that the message was stored. Send it again.",
        headers={"Retry-After": RETRY_AFTER_S},
    )


def internal() -> Problem:
    """Something that should not happen, happened. The log knows what, under the request's id."""
    return Problem(INTERNAL, "The error was logged under the id of this request.")


def answer_to(scope: Scope, problem: Problem) -> Response:
    """The problem as whoever asks can read it: a page for a browser, else RFC 9457."""
    request_id = request_context_of(scope).request_id
    if not is_for_people(scope):
        return problem.response(request_id)
    answer = page("problem.html", problem.status_code, problem=problem, request_id=request_id)
    answer.headers.update(problem.headers or {})
    return answer


def install(app: FastAPI) -> None:
    """Make every refusal of the application and of the framework a problem answer."""

    async def from_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return answer_to(request.scope, as_problem(error))

    async def from_refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, InvalidMessage)
        return answer_to(request.scope, invalid(error.findings))

    async def from_parameters(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = [finding(detail) for detail in error.errors()[:MAX_FINDINGS]]
        return answer_to(request.scope, invalid(found))

    async def from_database(request: Request, _error: Exception) -> Response:
        return answer_to(request.scope, unavailable())

    app.add_exception_handler(HTTPException, from_http)
    app.add_exception_handler(InvalidMessage, from_refused)
    app.add_exception_handler(RequestValidationError, from_parameters)
    app.add_exception_handler(OperationalError, from_database)


def answers_of(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem answers of an operation, as FastAPI's `responses` wants them."""
    schema = {"$ref": "#/components/schemas/ProblemDetail"}
    return {
        status: {
            "description": " / ".join(kind.title for kind in KINDS if kind.status == status),
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


def as_problem(error: HTTPException) -> Problem:
    """The framework's own refusals as problems; the detail is the status' standard phrase."""
    if isinstance(error, Problem):
        return error
    kind = _OF_STATUS.get(error.status_code) or Kind(OTHER.slug, error.status_code, OTHER.title)
    return Problem(kind, HTTPStatus(error.status_code).phrase, headers=error.headers)
