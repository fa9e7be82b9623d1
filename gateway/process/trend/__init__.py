"""Knows where a series is going: whether it rises, how fast, since when, and when it will cross a limit."""
