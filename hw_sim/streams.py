"""Knows named streams of random numbers that never disturb each other; knows nothing of what they are drawn for.

Each name gets its own generator, seeded by SHA-256 of (seed, name): a new fault draws nothing from an old one's stream.
Only random.Random.random() is used, the one method whose sequence Python guarantees (library `random`, "Notes on
Reproducibility"); every distribution is made of it here.
"""

import hashlib
import math
import random


class Stream:
    """One named sequence."""

    def __init__(self, seed: int, name: str) -> None:
        digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
        self.random = random.Random(int.from_bytes(digest[:8], "big")).random

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.random()

    def below(self, count: int) -> int:
        """An integer in 0..count-1."""
        return int(self.random() * count)

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def exponential(self, mean: float) -> float:
        return -mean * math.log(1.0 - self.random())

    def normal(self, mean: float = 0.0, deviation: float = 1.0) -> float:
        """Box and Muller's cosine branch."""
        radius = math.sqrt(-2.0 * math.log(1.0 - self.random()))
        return mean + deviation * radius * math.cos(2.0 * math.pi * self.random())


class Streams:
    """The streams of one seed; the same name gives the same stream object."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._streams: dict[str, Stream] = {}

    def __getitem__(self, name: str) -> Stream:
        if name not in self._streams:
            self._streams[name] = Stream(self.seed, name)
        return self._streams[name]
