"""What this package and librdkafka, through confluent-kafka, tell each other."""
