"""HJ 212 (2005, 2017, 2025), what China's environmental platforms speak over TCP. For the gateway only: CPython."""
