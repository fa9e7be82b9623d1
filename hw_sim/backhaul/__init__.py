"""The way from station to platform in software."""
