"""What happens: four consumers of Kafka, each its own process."""
