"""Knows SL 651, the hydrological telemetry protocol, in both directions; knows no socket, no store and no clock.

For the gateway and the simulated centre only (CPython). Source: the approval draft of SL 651-2014 (the printed standard
was not at hand) and the captured frames in tests/vectors/sl651.json. What neither tells is marked "unverified":
docs/sl651.md lists it.
"""
