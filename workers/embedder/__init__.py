"""embedder: reads ``documents.chunked``, writes chunks with vectors, marks documents indexed."""
