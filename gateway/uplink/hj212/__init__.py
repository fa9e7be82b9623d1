"""The uplink that speaks HJ 212 with an environmental platform. docs/hj212.md."""
