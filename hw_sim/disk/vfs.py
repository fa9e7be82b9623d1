"""Knows how to come between SQLite and its files: a shim over SQLite's own VFS; knows no fault.

Python's sqlite3 is asked through C (ctypes), in the very library that it uses: the gateway's store runs unchanged, on
the SQLite it has in the field, and needs nothing installed. (A VFS of `apsw` can't do that: its wheel brings a SQLite
of its own.) The two tables below are part of SQLite's interface and only ever grow at their end (sqlite.org/c3ref,
sqlite3_vfs and sqlite3_io_methods).

Reading is never touched; an idle disk costs a microsecond for each write.
"""

import ctypes
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from hw_sim.disk.card import Disk, Full, Op, Refused

_OK, _FULL = 0, 13
_IOERR = {"write": 778, "sync": 1034, "truncate": 1546, "delete": 2570}  # sqlite.org/rescode.html
_INT, _I64, _PTR = ctypes.c_int, ctypes.c_int64, ctypes.c_void_p

_OPEN = ctypes.CFUNCTYPE(_INT, _PTR, _PTR, _PTR, _INT, _PTR)
_DELETE = ctypes.CFUNCTYPE(_INT, _PTR, ctypes.c_char_p, _INT)
_CLOSE = ctypes.CFUNCTYPE(_INT, _PTR)
_WRITE = ctypes.CFUNCTYPE(_INT, _PTR, _PTR, _INT, _I64)
_TRUNCATE = ctypes.CFUNCTYPE(_INT, _PTR, _I64)
_SYNC = ctypes.CFUNCTYPE(_INT, _PTR, _INT)
_SIZE = ctypes.CFUNCTYPE(_INT, _PTR, ctypes.POINTER(_I64))


class _Vfs(ctypes.Structure):
    """struct sqlite3_vfs up to its third version."""

    _fields_: ClassVar[Any] = (
        [("iVersion", _INT), ("szOsFile", _INT), ("mxPathname", _INT), ("pNext", _PTR), ("zName", ctypes.c_char_p)]
        + [("pAppData", _PTR), ("xOpen", _PTR), ("xDelete", _PTR)]
        + [(f"other{number}", _PTR) for number in range(14)]
    )


class _Methods(ctypes.Structure):
    """struct sqlite3_io_methods up to its third version."""

    _fields_: ClassVar[Any] = (
        [("iVersion", _INT)]
        + [(name, _PTR) for name in ("xClose", "xRead", "xWrite", "xTruncate", "xSync", "xFileSize")]
        + [(f"other{number}", _PTR) for number in range(12)]
    )


class NoShim(RuntimeError):
    """This Python's SQLite can't be reached: it is linked into the interpreter and shows no symbols."""


class _File:
    """One open file of a mounted disk: where SQLite's handle is, and the functions that it had."""

    def __init__(self, handle: int, disk: Disk, name: str, own: int) -> None:
        self.handle = handle
        self.disk = disk
        self.name = name
        self.own = _Methods.from_address(own)
        self.write = _WRITE(self.own.xWrite)
        self.truncate = _TRUNCATE(self.own.xTruncate)
        self.sync = _SYNC(self.own.xSync)

    def size(self) -> int:
        found = _I64(0)
        _SIZE(self.own.xFileSize)(self.handle, ctypes.byref(found))
        return found.value


class _Shim:
    """SQLite's default VFS from now on. It passes everything on, and asks the disks first."""

    def __init__(self) -> None:
        try:
            import _sqlite3

            library = ctypes.CDLL(_sqlite3.__file__)
            find, register = library.sqlite3_vfs_find, library.sqlite3_vfs_register
        except (AttributeError, ImportError, OSError) as error:
            raise NoShim(f"no way into the SQLite {sqlite3.sqlite_version} of this Python: {error}") from error
        find.restype = _PTR
        find.argtypes = [ctypes.c_char_p]
        register.argtypes = [_PTR, _INT]
        self.disks: WeakValueDictionary[str, Disk] = WeakValueDictionary()
        self._files: dict[int, _File] = {}
        self._tables: dict[int, _Methods] = {}  # by the address of the functions that they stand for
        self._base: int = find(None)
        base = _Vfs.from_address(self._base)
        self._base_open = _OPEN(base.xOpen)
        self._base_delete = _DELETE(base.xDelete)
        self._kept: list[Any] = []  # what SQLite points at
        self._vfs = _Vfs.from_buffer_copy(base)
        self._vfs.zName = b"watertower-disk"
        self._vfs.xOpen = self._pointer(_OPEN(self._open))
        self._vfs.xDelete = self._pointer(_DELETE(self._delete))
        self._mine = {
            "xClose": self._pointer(_CLOSE(self._close)),
            "xWrite": self._pointer(_WRITE(self._write)),
            "xTruncate": self._pointer(_TRUNCATE(self._truncate)),
            "xSync": self._pointer(_SYNC(self._sync)),
        }
        register(ctypes.addressof(self._vfs), 1)

    def _pointer(self, function: Any) -> int:
        self._kept.append(function)
        return ctypes.cast(function, _PTR).value or 0

    def _of(self, path: bytes | None) -> tuple[Disk, str] | None:
        if not path:
            return None
        folder, _, name = path.decode(errors="surrogateescape").rpartition("/")
        disk = self.disks.get(folder)
        return None if disk is None else (disk, name)

    def _open(self, _vfs: int, path: int | None, handle: int, flags: int, out: int | None) -> int:
        code: int = self._base_open(self._base, path, handle, flags, out)
        found = self._of(ctypes.string_at(path) if path else None)
        methods = _PTR.from_address(handle)
        if code == _OK and found is not None and methods.value:
            disk, name = found
            self._files[handle] = _File(handle, disk, name, methods.value)
            methods.value = ctypes.addressof(self._table(methods.value))
        return code

    def _table(self, own: int) -> _Methods:
        if own not in self._tables:
            table = _Methods.from_buffer_copy(_Methods.from_address(own))
            for name, pointer in self._mine.items():
                setattr(table, name, pointer)
            self._tables[own] = table
        return self._tables[own]

    def _delete(self, _vfs: int, path: bytes, is_durable: int) -> int:
        found = self._of(path)
        if found is not None and (code := _ask(found[0], Op("delete", found[1]))):
            return code
        return int(self._base_delete(self._base, path, is_durable))

    def _close(self, handle: int) -> int:
        file = self._files.pop(handle)
        _PTR.from_address(handle).value = ctypes.addressof(file.own)
        return int(_CLOSE(file.own.xClose)(handle))

    def _write(self, handle: int, data: int, count: int, offset: int) -> int:
        file = self._files[handle]
        if not file.disk.is_idle:
            op = Op("write", file.name, offset, ctypes.string_at(data, count))
            grows = 0 if file.disk.free_bytes is None else offset + count - file.size()
            if code := _ask(file.disk, op, grows):
                return code
        return int(file.write(handle, data, count, offset))

    def _truncate(self, handle: int, size: int) -> int:
        file = self._files[handle]
        if code := _ask(file.disk, Op("truncate", file.name, size)):
            return code
        return int(file.truncate(handle, size))

    def _sync(self, handle: int, flags: int) -> int:
        file = self._files[handle]
        if code := _ask(file.disk, Op("sync", file.name)):
            return code
        if not file.disk.is_synced_for_real:
            return _OK
        return int(file.sync(handle, flags))


def _ask(disk: Disk, op: Op, grows: int = 0) -> int:
    if disk.is_idle:
        return _OK
    try:
        disk.ask(op, grows)
    except Full:
        return _FULL
    except Refused:
        return _IOERR[op.kind]
    return _OK


_shims: list[_Shim] = []


def mount(folder: Path, passes: Callable[[float], None] = lambda seconds: None) -> Disk:
    """The disk below `folder`, for every connection of this process that opens a file right in it from now on, as long
    as the disk is kept. NoShim: this Python does not let us."""
    if not _shims:
        _shims.append(_Shim())
    disk = Disk(folder, passes)
    _shims[0].disks[str(folder.resolve())] = disk
    return disk
