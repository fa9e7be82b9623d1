"""A technician's visit: what is on a bus, what is on a board, and what goes along from the office."""
