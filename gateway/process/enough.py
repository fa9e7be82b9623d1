"""Knows the words for how much a result rests on; knows no result."""

ENOUGH = "enough"  # all that the standard asks for was there
PARTIAL = "partial"  # a result of less, which the standard lets stand
NOT_ENOUGH = "not_enough_data"  # no result
