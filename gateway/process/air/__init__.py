"""Air: indices, limits, reference states, emissions."""
