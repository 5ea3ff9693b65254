"""Fixtures of all tests."""

pytest_plugins = [
    "tests.fixtures.bare_settings",
    "tests.fixtures.database",
    "tests.fixtures.live",
    "tests.fixtures.servers",
    "tests.fixtures.stack",
]
