"""chunker: reads ``documents.parsed``, splits into chunks, publishes ``documents.chunked``."""
