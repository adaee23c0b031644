"""Apache Kafka itself, from Maven Central: for `limelight up --kafka apache`, and for the tests that only it can answer."""
