"""A desk with simulated things to plug in: a bus with sensors, boards to flash. For a technician's commands."""
