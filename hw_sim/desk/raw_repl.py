"""Knows MicroPython's raw REPL, bytes in and bytes out (micropython: docs/reference/repl.rst, shared/runtime/pyexec.c);
knows not who runs the code."""

from collections.abc import Callable

_WINDOW = 128  # of raw paste: what a board takes before it says that there is room again
_RAW = b"raw REPL; CTRL-B to exit\r\n>"


class RawRepl:
    """`execute` runs a piece of code: (what it printed, its exception), or None when the board restarts instead.
    `begin_anew` is a soft reset."""

    def __init__(
        self,
        execute: Callable[[str], "tuple[bytes, bytes] | None"],
        say: Callable[[bytes], None],
        begin_anew: Callable[[], None],
    ) -> None:
        self._execute = execute
        self._say = say
        self._begin_anew = begin_anew
        self._raw = self._paste = False
        self._code = bytearray()
        self._room = 0

    def feed(self, data: bytes) -> None:
        for byte in data:
            self._take(bytes((byte,)))

    def _take(self, byte: bytes) -> None:
        if self._paste:
            self._pasted(byte)
        elif byte == b"\x03":
            self._code.clear()
            self._say(b"\r\n>" if self._raw else b"\r\nKeyboardInterrupt: \r\n>>> ")
        elif byte == b"\x01":
            self._raw = True
            self._code.clear()
            self._say(b"\r\n" + _RAW)
        elif byte == b"\x02":
            self._raw = False
            self._say(b"\r\nMicroPython\r\n>>> ")
        elif not self._raw:
            self._say(b"\r\n>>> " if byte == b"\r" else byte)
        elif byte != b"\x04":
            self._code += byte
            if bytes(self._code[-3:]) == b"\x05A\x01":
                self._paste, self._room = True, _WINDOW
                self._code.clear()
                self._say(b"R\x01" + _WINDOW.to_bytes(2, "little"))
        elif not self._code:
            self._say(b"OK\r\nMPY: soft reboot\r\n" + _RAW)
            self._begin_anew()
        else:
            self._say(b"OK")
            self._run()

    def _pasted(self, byte: bytes) -> None:
        if byte == b"\x04":
            self._paste = False
            self._say(b"\x04")
            self._run()
            return
        self._code += byte
        self._room -= 1
        if not self._room:
            self._room = _WINDOW
            self._say(b"\x01")

    def _run(self) -> None:
        code = bytes(self._code).decode("utf-8", "replace")
        self._code.clear()
        done = self._execute(code)
        if done is not None:
            printed, raised = (part.replace(b"\n", b"\r\n") for part in done)
            self._say(printed + b"\x04" + raised + b"\x04>")
