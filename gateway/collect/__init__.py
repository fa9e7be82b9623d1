"""What brings readings into the store: the radio's nodes and the buses the gateway polls itself."""
