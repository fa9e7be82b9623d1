"""Knows a clock that a bench moves by hand; knows no store."""


class HandClock:
    def __init__(self, unix_ms: int) -> None:
        self.unix = self.start = unix_ms

    def unix_ms(self) -> int:
        return self.unix

    def monotonic_ms(self) -> int:
        return self.unix - self.start

    def is_trusted(self) -> bool:
        return True

    def boot_id(self) -> str:
        return "bench"
