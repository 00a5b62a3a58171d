"""The world of the workflow tests, to live a scenario again."""

from tests.workflows.conftest import world

__all__ = ["world"]
