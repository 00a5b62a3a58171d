"""The world of the workflow tests, to live a scenario again."""

from tests.workflow.conftest import world

__all__ = ["world"]
