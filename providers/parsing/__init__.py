"""Who turns files into pages of text."""
