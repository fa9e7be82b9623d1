"""What takes readings out of the store to platforms; each uplink has its own position and never touches another."""
