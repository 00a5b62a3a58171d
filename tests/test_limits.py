"""No test waits for ever: each has a limit of time, and the signals that it counts on."""

import signal

import pytest


def test_every_test_has_a_time_limit(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.hasplugin("timeout")
    assert 0 < float(pytestconfig.getini("timeout")) <= 600


def test_no_signal_that_ends_a_child_is_ignored_whoever_started_the_tests() -> None:
    """What is ignored here is ignored by every child."""
    assert signal.SIG_IGN not in (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
