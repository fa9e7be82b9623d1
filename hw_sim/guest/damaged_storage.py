"""Knows how a chip's _boot.py meets file systems that are blank, sound and damaged in many ways; knows no chip:
what the port brings (rp2, flashbdev) is stood in for here.

usage: damaged_storage.py rp2|esp32 PATH_OF_BOOT SEEDS; prints a line of counts, or ends in an exception.
"""

import sys

import vfs

from hw_sim.guest.update_cuts import Dice

BLOCK, BLOCKS = 4096, 32
_FILES = {"board.json": b'{"radio": 1}' * 40, "node.json": b"{}" * 3000, "notes.txt": b"of a technician"}
_MOST_READS = 20_000  # of one boot: a sound one takes a few dozen


class Device:
    """A block device in memory that counts what is written to it."""

    def __init__(self, content: "bytearray | None" = None) -> None:
        self.content = content if content is not None else bytearray(b"\xff" * (BLOCK * BLOCKS))
        self.writes = 0
        self.reads = 0
        self.bad: dict[int, str] = {}  # blocks that fail, or give something else

    def readblocks(self, block: int, into: bytearray, offset: int = 0) -> None:
        self.reads += 1
        assert self.reads < _MOST_READS, "it reads and reads"
        if self.bad.get(block) == "error":
            raise OSError(5)
        at = block * BLOCK + offset
        into[:] = self.content[at : at + len(into)]
        if self.bad.get(block) == "blank":
            into[:] = b"\xff" * len(into)

    def writeblocks(self, block: int, data: bytes, offset: int = 0) -> None:
        self.writes += 1
        at = block * BLOCK + offset
        self.content[at : at + len(data)] = data

    def ioctl(self, operation: int, argument: int) -> "int | None":
        if operation == 4:
            return BLOCKS
        if operation == 5:
            return BLOCK
        if operation == 6:
            self.writes += 1
            self.content[argument * BLOCK : (argument + 1) * BLOCK] = b"\xff" * BLOCK
            return 0
        return None


def sound() -> bytearray:
    device = Device()
    vfs.VfsLfs2.mkfs(device, progsize=256)
    vfs.mount(vfs.VfsLfs2(device, progsize=256), "/made")
    for name in sorted(_FILES):
        with open("/made/" + name, "wb") as file:
            file.write(_FILES[name])
    vfs.umount("/made")
    return device.content


def damage(device: Device, dice: Dice) -> str:
    """One of many ways; its name."""
    content = device.content
    way = dice.below(8)
    if way == 0:
        for _ in range(1 + dice.below(200)):
            content[dice.below(len(content))] ^= 1 << dice.below(8)
        return "bits"
    if way == 1:  # the superblock's pair, torn
        for block in range(2):
            start = block * BLOCK + dice.below(256)
            content[start : (block + 1) * BLOCK] = b"\xff" * ((block + 1) * BLOCK - start)
        return "torn superblocks"
    if way == 2:
        for block in range(2):
            for _ in range(1 + dice.below(20)):
                content[block * BLOCK + dice.below(120)] ^= 1 << dice.below(8)
        return "bits of the superblocks"
    if way == 3:
        for _ in range(1 + dice.below(6)):
            block = dice.below(BLOCKS)
            content[block * BLOCK : (block + 1) * BLOCK] = dice.data(256) * (BLOCK // 256)
        return "random blocks"
    if way == 4:
        for _ in range(1 + dice.below(4)):
            device.bad[dice.below(4)] = "error"
        return "read errors"
    if way == 5:
        device.bad[dice.below(2)] = device.bad[dice.below(BLOCKS)] = "blank"
        return "blocks that read as blank"
    if way == 6:
        keep = dice.below(len(content))
        content[keep:] = bytes(len(content) - keep)
        return "cleared from somewhere on"
    content[:] = dice.data(256) * (len(content) // 256)
    return "noise"


class Module:
    """Stands for a module of the port."""

    def __init__(self, **names: object) -> None:
        for name in names:
            setattr(self, name, names[name])


def install(port: str, device: Device) -> None:
    if port == "rp2":
        sys.modules["rp2"] = Module(Flash=lambda start, len: device)  # type: ignore[assignment]
    else:
        sys.modules["flashbdev"] = Module(bdev=device)  # type: ignore[assignment]


said: list[object] = []


def boot(code: str) -> None:
    """What the image does first; it must come to its end."""
    exec(code, {"__name__": "_boot", "print": said.append})


def mounted() -> bool:
    try:
        vfs.umount("/")
        return True
    except OSError:
        return False


def main(port: str, path: str, seeds: int) -> None:
    mounts = silent = 0
    ways: dict[str, int] = {}
    healthy = sound()
    with open(path) as file:
        code = file.read()
    __import__("firmware.boot.storage")
    __import__("firmware.boot.rp2.carrier")
    vfs.umount("/")  # the computer's own files: from here on "/" is the board's
    for seed in range(-2, seeds):
        device = Device(bytearray(healthy) if seed != -2 else None)
        way = "blank" if seed == -2 else "sound" if seed == -1 else damage(device, Dice(seed))
        ways[way] = ways.get(way, 0) + 1
        before = bytes(device.content)
        said.clear()
        install(port, device)
        boot(code)
        there = False
        for name in sorted(_FILES):
            try:
                with open("/" + name, "rb") as file:
                    same = file.read() == _FILES[name]
                assert same or way != "sound"
                there = True
            except OSError:
                assert way != "sound"
        assert there or way != "sound"
        if mounted():
            mounts += 1
        else:
            silent += 1
            assert said
        assert device.writes == 0 and bytes(device.content) == before, "%s: %d writes" % (way, device.writes)
    assert way and "sound" in ways
    print("booted %d, mounted %d, left alone %d, ways %d" % (seeds + 2, mounts, silent, len(ways)))


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
