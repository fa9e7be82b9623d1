"""What proves that a station or a node works where it stands."""
