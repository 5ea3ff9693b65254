"""Whom we ask: parsers, embedding models, chat models and blob stores, one SDK per file."""
