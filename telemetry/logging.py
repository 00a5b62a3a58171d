"""Logs of our processes: one configuration for all that write. JSON on a server, readable on a terminal."""

import logging
import sys

import structlog

from schemas.settings import LogFormat, LogLevel

_SHARED: tuple[structlog.typing.Processor, ...] = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure(level: LogLevel, form: LogFormat) -> None:
    """Write what is at least of this level, in this form; fields and identifiers are the same in both.

    Libraries that log by `logging` are written in the same form to the error stream, from warnings on.
    """
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*_SHARED, *_rendering(form)],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(form)],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(least, logging.WARNING), force=True)


def _rendering(form: LogFormat) -> tuple[structlog.typing.Processor, ...]:
    if form == "text" or (form == "auto" and sys.stdout.isatty()):
        # Plain: the renderer's own choice shows local variables, which may be secrets.
        plain = structlog.dev.plain_traceback
        return (structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=plain),)
    return structlog.processors.format_exc_info, structlog.processors.JSONRenderer()
