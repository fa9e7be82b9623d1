"""What can go wrong in a world, by room. A fault is data in a scenario file; it knows how to begin and end."""
