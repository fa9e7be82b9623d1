"""The two chips a node runs on. Only below this folder may `machine` be imported."""
