"""What runs inside a MicroPython, too: nothing else of the simulator does."""
