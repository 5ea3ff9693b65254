"""Questions, their answers as they come, and the conversations that they make."""
