"""What makes a Raspberry Pi a gateway, and undoes it."""
