"""parser: reads ``documents.uploaded``, stores pages of text, publishes ``documents.parsed``."""
