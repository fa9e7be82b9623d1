"""The emulated RP2040: its chip, flash and image, and the board on the world's wires."""
