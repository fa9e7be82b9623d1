"""The uplink that speaks SL 651 with hydrological centres. docs/sl651.md."""
