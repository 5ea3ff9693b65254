"""What the workers are to read again: planned, run, and told of."""
