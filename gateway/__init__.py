"""How clients come in: the REST API, its event streams, and the relay to Kafka."""
