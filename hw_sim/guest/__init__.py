"""What runs inside a MicroPython that the simulator started."""
