"""A gateway's disk in software, and how it fails."""
