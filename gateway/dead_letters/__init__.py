"""What the workers gave up: copied where it can be looked at, redriven, or discarded."""
