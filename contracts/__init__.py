"""What the processes say to each other: events, topics, ids, errors; no IO."""
