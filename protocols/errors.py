"""Knows the errors of this package: each class tells the caller what to do; knows nothing of who raises them."""


class ProtocolError(Exception):
    """Anything the other side, the line or the caller did wrong."""


class FrameError(ProtocolError):
    """The bytes are damaged or do not answer what was asked: drop them, count it, ask again."""


class NoReply(ProtocolError):
    """Nothing came in time: back off, ask again later."""


class DeviceError(ProtocolError):
    """The device understood and refused. `code` is the Modbus exception code: correct the request or the device."""

    def __init__(self, code: int) -> None:
        super().__init__("device refused with exception code %d" % code)
        self.code = code


class AuthError(ProtocolError):
    """A tag, counter or node id does not fit: drop the frame, count it, never answer it."""


class RangeError(ProtocolError):
    """A value does not fit its field: the configuration or the calling code must change."""
