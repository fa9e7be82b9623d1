"""Knows when a node measures densely: by its limits or by a command; knows no sensor and no period.

Loaded when a reading passes a limit, or when the command comes, and dropped when both are over.
"""

_CALM = 3  # readings in a row that are well inside before it ends (ours)
_INSIDE = 20  # well inside: by a twentieth of the limit (ours)


class Emergency:
    """On from a reading that passes a limit until all are well inside again, or as long as a command says. `limits`:
    (channel, 1 above or -1 below, fixed-point value) each."""

    def __init__(self, limits: tuple[tuple[int, int, int], ...]) -> None:
        self._limits = limits
        self._calm: dict[int, int] = {}  # limit -> readings since it was passed; absent: it was not
        self._until_ms: int | None = None
        self._is_muted = False  # ended by command while a limit is passed

    def is_on(self, now_ms: int) -> bool:
        if self._until_ms is not None and now_ms >= self._until_ms:
            self._until_ms = None
        return self._until_ms is not None or (bool(self._calm) and not self._is_muted)

    @property
    def ends_ms(self) -> "int | None":
        """When a command's time is over."""
        return self._until_ms

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to remember: no command's time, no limit passed."""
        return self._until_ms is None and not self._calm

    def order(self, seconds: int, now_ms: int) -> None:
        """By command: for so long; 0 ends it, until the limits are passed anew."""
        self._until_ms = now_ms + seconds * 1000 if seconds else None
        self._is_muted = not seconds and bool(self._calm)

    def watch(self, cells: list[tuple[int | None, int]]) -> None:
        """What was just read, by channel. Cells without a value say nothing."""
        for i, (channel, side, limit) in enumerate(self._limits):
            value = cells[channel][0]
            if value is None:
                continue
            beyond = (value - limit) * side
            if beyond > 0:
                self._calm[i] = 0
            elif i in self._calm and beyond <= -max(abs(limit) // _INSIDE, 1):
                self._calm[i] += 1
                if self._calm[i] >= _CALM:
                    del self._calm[i]
        if not self._calm:
            self._is_muted = False
