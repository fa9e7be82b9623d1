"""Terminals of small channels, which carry short messages: SMS modems and Beidou. For the gateway only: CPython."""
