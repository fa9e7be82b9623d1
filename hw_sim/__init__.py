"""A simulated world around the real code: clock, wires, sensors, radio, boards, platforms."""
