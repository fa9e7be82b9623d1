"""What stands at the far end of each uplink, in software."""
