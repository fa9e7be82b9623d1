"""Knows whether readings can be believed: tests of one channel, of channels against each other, drift."""
