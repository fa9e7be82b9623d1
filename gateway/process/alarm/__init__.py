"""Knows rules and the alarms they raise."""
