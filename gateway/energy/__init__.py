"""What a node's battery is asked for, reckoned before anybody goes there."""
