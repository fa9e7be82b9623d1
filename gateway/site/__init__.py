"""What the site file says, checked."""
