"""Models that turn texts into unit vectors: OpenAI, and a local twin."""
