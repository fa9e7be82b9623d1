"""What the numbers mean: pure functions over samples. Empty until quality control and aggregates join."""
