"""Models that answer a prompt as a stream: OpenAI, Anthropic, and a local twin."""
