"""Fixtures of all tests."""

import signal

# Where a shell started us in the background, SIGINT is ignored, and every child would inherit it.
signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = [
    # First: others import it, and pytest rewrites the asserts of what is not imported yet.
    "tests.fixtures.servers",
    "tests.fixtures.bare_settings",
    "tests.fixtures.database",
    "tests.fixtures.live",
    "tests.fixtures.stack",
]
