"""Connector errors become ApplicationErrors: the origin is the type, and Temporal knows whether to retry."""

from datetime import timedelta

from temporalio.exceptions import ApplicationError

from connectors.ports import ConnectorError, Unavailable


def as_application_error(error: ConnectorError) -> ApplicationError:
    """The error as the workflow sees it: type = origin; a refusal is never retried; Retry-After is obeyed."""
    retry_after_s = error.retry_after_s if isinstance(error, Unavailable) else None
    return ApplicationError(
        str(error),
        type=error.origin,
        non_retryable=not isinstance(error, Unavailable),
        next_retry_delay=timedelta(seconds=retry_after_s) if retry_after_s else None,
    )
