"""A node's hardware in software, and the real interpreters its firmware runs in."""
