"""What runs before the application: chooses a slot, or the application frozen into the image. Is itself frozen."""
