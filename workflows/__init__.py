"""The stories: one workflow per order, one per planning feed. They decide with domain/ and act through activities."""
