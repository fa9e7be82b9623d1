"""Knows frames off a modem that tells how strong it heard each; knows no modem's settings. A gateway's, no node's."""

from protocols.framing import Deframer


class LevelDeframer(Deframer):
    """The modem puts a byte behind each packet, whose end is that of a frame: -(256 - byte) dBm (EBYTE E22 manual,
    REG3). `levels_dbm` holds that of each frame that feed() gave last."""

    _ended = False  # a frame has ended, its level comes next
    levels_dbm: "tuple[int, ...]" = ()

    def feed(self, data: bytes) -> list[bytes]:
        frames: list[bytes] = []
        levels_dbm: list[int] = []
        for byte in data:
            if self._ended:
                self._ended = False
                self._take(frames)
                if len(frames) > len(levels_dbm):
                    levels_dbm.append(max(byte - 256, -128))
            elif not byte and self._buffer:
                self._ended = True
            else:
                frames += super().feed(bytes((byte,)))
        self.levels_dbm = tuple(levels_dbm)
        return frames
