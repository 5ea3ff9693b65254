"""Ways to index: built beside the active one, promoted, rolled back and dropped."""
