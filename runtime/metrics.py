"""Every metric of the project, once; `docs/reference/metrics.md` is made from this file."""

from prometheus_client import Counter, Gauge, Histogram

#: From a cache hit to a long parse, in seconds.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)

# --- workers
EVENTS_HANDLED = Counter(
    "ragline_events_handled", "Records that ended, by how.", ["worker", "outcome"]
)
HANDLER_SECONDS = Histogram(
    "ragline_handler_seconds", "Time in the handler per record.", ["worker"], buckets=SECONDS
)
IN_FLIGHT = Gauge("ragline_records_in_flight", "Records taken and not yet complete.", ["group"])
WINDOW = Gauge(
    "ragline_window_records", "Records that a partition may hold open before it waits.", ["group"]
)
COMMIT_AGE = Gauge(
    "ragline_commit_age_seconds", "Time since what was complete was committed.", ["group"]
)
PARTITIONS_PAUSED = Gauge(
    "ragline_partitions_paused", "Partitions whose window is full.", ["group"]
)
LAG = Gauge("ragline_consumer_lag", "Records of this process's partitions not yet read.", ["group"])
OLDEST_IN_FLIGHT = Gauge(
    "ragline_oldest_in_flight_seconds", "Age of the oldest record in flight.", ["group"]
)
REBALANCES = Counter("ragline_rebalances", "Times that partitions were taken away.", ["group"])
DRAIN_SECONDS = Histogram(
    "ragline_drain_seconds",
    "Time to end work in flight at a revoke or stop.",
    ["group"],
    buckets=SECONDS,
)
DUPLICATES = Counter(
    "ragline_duplicates_suppressed", "Records whose work the ledger showed as done.", ["worker"]
)
OBSOLETE = Counter(
    "ragline_obsolete_records", "Records of a deleted or superseded document.", ["worker"]
)
RETRIES = Counter("ragline_retries", "Tries after a transient failure.", ["worker", "code"])
DEAD_LETTERS = Counter("ragline_dead_letters", "Records given up, by reason.", ["worker", "code"])

BREAKER_OPEN = Gauge(
    "ragline_breaker_open", "1 while records wait because a provider is down.", ["worker"]
)
RELEASE_STOPPED = Gauge(
    "ragline_release_stopped", "1 while work is stopped after too many bugs.", ["worker"]
)

# --- gateway
HTTP_REQUESTS = Counter(
    "ragline_http_requests", "Requests answered.", ["method", "route", "status"]
)
HTTP_SECONDS = Histogram(
    "ragline_http_seconds", "Time to the response's start.", ["method", "route"], buckets=SECONDS
)
UPLOAD_BYTES = Counter("ragline_upload_bytes", "Bytes of accepted files.")
OPEN_STREAMS = Gauge("ragline_open_streams", "Event streams open now.", ["kind"])
RATE_LIMITED = Counter("ragline_rate_limited", "Requests refused by a limit.", ["limit"])
LIMITS_COUNTED_ALONE = Counter(
    "ragline_limits_counted_alone", "Requests counted by one gateway while Redis was away."
)
OUTBOX_WAITING = Gauge("ragline_outbox_waiting", "Accepted events not yet in Kafka.")
OUTBOX_HELD_BACK = Gauge("ragline_outbox_held_back", "Of these, held back for fairness.")
OUTBOX_OLDEST = Gauge("ragline_outbox_oldest_seconds", "Age of the oldest event not yet in Kafka.")
DEAD_LETTERS_WAITING = Gauge(
    "ragline_dead_letters_waiting",
    "Dead letters neither redriven nor discarded.",
    ["worker", "code"],
)
JOBS_STALLED = Gauge(
    "ragline_jobs_stalled", "Unfinished jobs in Kafka without progress for longer than they may."
)
RECONCILED = Counter(
    "ragline_reconciled", "Jobs and turns that stood still, by what was done.", ["outcome"]
)
GENERATIONS = Gauge("ragline_generations", "Ways to index that exist, by state.", ["state"])
OUTBOX_PUBLISHED = Counter("ragline_outbox_published", "Events that the relay published.")
OUTBOX_REFUSED = Counter(
    "ragline_outbox_refused",
    "Events that Kafka will never take; their jobs and questions have failed.",
    ["topic"],
)

# --- providers and answers
PROVIDER_SECONDS = Histogram(
    "ragline_provider_seconds",
    "Time of one provider call.",
    ["provider", "operation"],
    buckets=SECONDS,
)
PROVIDER_ERRORS = Counter(
    "ragline_provider_errors", "Provider calls that failed.", ["provider", "operation", "code"]
)
TOKENS = Counter("ragline_tokens", "Tokens as the provider counts them.", ["provider", "direction"])
PAGES = Counter("ragline_pages_parsed", "Pages parsed.", ["provider"])
EMBEDDINGS_REUSED = Counter("ragline_embeddings_reused", "Texts whose vector was known already.")
CHUNKS_INDEXED = Counter("ragline_chunks_indexed", "Chunks written with their vectors.")
RETRIEVAL_SECONDS = Histogram(
    "ragline_retrieval_seconds", "Time to find the context of a question.", buckets=SECONDS
)
FIRST_TOKEN_SECONDS = Histogram(
    "ragline_first_token_seconds",
    "Time from the question's record to the first token.",
    buckets=SECONDS,
)
ANSWERS = Counter("ragline_answers", "Turns that ended, by how.", ["finish_reason"])
AGENT_STEPS = Counter(
    "ragline_agent_steps",
    "Steps on the way to answers, by how they ended.",
    ["agent", "step", "outcome"],
)
CITATIONS_DROPPED = Counter("ragline_citations_dropped", "Citations that failed their check.")
