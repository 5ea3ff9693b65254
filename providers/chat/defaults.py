"""The model that each provider answers with where CHAT_MODEL does not say, told without loading."""

OPENAI_DEFAULT = "gpt-6-luna"

ANTHROPIC_DEFAULT = "claude-haiku-5-5"

LOCAL_DEFAULT = "extractive"
