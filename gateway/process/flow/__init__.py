"""Flow: rating curves, releases, floods, rain."""
