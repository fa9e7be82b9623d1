"""How what arrived, was flagged and was warned of is held against the truth."""
