"""Fixtures of all tests."""

pytest_plugins = ["tests.fixtures.servers", "tests.fixtures.stack"]
