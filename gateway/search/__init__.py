"""Ranked passages, without an answer."""
