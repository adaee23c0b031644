"""What `limelight import` reads from files, and how it sends it."""
