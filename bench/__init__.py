"""`make bench`: our throughput beside the limit's (the raw driver doing the same work) and a peer's, in one run."""
