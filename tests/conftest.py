"""Fixtures of all tests."""

pytest_plugins = [
    # First: others import it, and pytest rewrites the asserts of what is not imported yet.
    "tests.fixtures.servers",
    "tests.fixtures.bare_settings",
    "tests.fixtures.database",
    "tests.fixtures.live",
    "tests.fixtures.stack",
]
