"""Readings on their way out of a store or an archive, into a file for people and for other people's programs."""

from gateway.export.reading import Sample as Sample
from gateway.export.reading import Wish as Wish
from gateway.export.reading import moment_ms as moment_ms
from gateway.export.reading import words as words
from gateway.export.stored import samples as samples
