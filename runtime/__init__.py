"""How a process lives: settings, logs, traces, metrics, health, Kafka, PostgreSQL, delivery."""
