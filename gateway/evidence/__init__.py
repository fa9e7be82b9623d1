"""What proves that the store was not rewritten."""
