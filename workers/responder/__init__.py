"""responder: reads `chat.requested`, answers from the documents, streams into `chat.deltas`.

Keyed by conversation, so the turns of one are answered in their order. A turn is owned by a lease
in its row: whoever reads the record again takes over when the lease has run out. The row is the
truth, the deltas are its announcement; `chat.completed` is for whoever integrates.
"""
