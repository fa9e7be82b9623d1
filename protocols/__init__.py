"""What node, gateway and simulator say to each other and to sensors: pure codecs and state machines, no I/O."""
