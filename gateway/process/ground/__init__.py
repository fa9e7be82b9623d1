"""Ground and cold: strings, frost, dose rate, tailings."""
