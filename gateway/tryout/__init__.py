"""Knows how a site's tests and rules are tried on recorded data before they watch anything."""
