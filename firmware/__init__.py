"""The node: wakes, reads its sensors, keeps records, reports. Runs on MicroPython, knows hardware only as a Board."""
