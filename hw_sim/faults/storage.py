"""Knows what goes wrong with a node's flash and the gateway's disk; knows neither journal nor store."""

import asyncio
from typing import Annotated, Literal

from msgspec import Meta

from gateway.messages import Phrase
from hw_sim.disk.card import Disk
from hw_sim.faults.base import Fault, Stage
from hw_sim.node import flash
from hw_sim.node.flash import SimFlash

Seconds = Annotated[float, Meta(ge=0.0, le=3600.0, extra={"unit": "s"})]
OffSeconds = Annotated[float, Meta(ge=2.0, le=86_400.0, extra={"unit": "s"})]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]


class FlashRot(Fault, frozen=True, kw_only=True, tag="flash_rot"):
    """Bits in a node's flash lose their charge: worn cells, heat, radiation. Nothing mends them."""

    node: str
    bits: Count = 1

    def begin(self, stage: Stage) -> None:
        stage.world.nodes[self.node].board.flash.rot(self.bits, stage.world.streams[f"flash rot {self.node}"])

    def end(self, stage: Stage) -> None:
        pass


class FlashCut(Fault, frozen=True, kw_only=True, tag="flash_cut"):
    """A node's power goes in the middle of one of its next `within` writes or erasures of flash, which is left torn,
    whole or not begun; none, if `lasts` is over before. It boots `off_s` later."""

    node: str
    within: Count = 20
    off_s: OffSeconds = 5.0
    region: Literal["journal", "slots", "notes"] = "journal"

    def begin(self, stage: Stage) -> None:
        node = stage.world.nodes[self.node]
        stream = stage.world.streams[f"flash cut {self.node}"]
        loop = asyncio.get_running_loop()

        def fall() -> None:
            for chip in self._chips(stage):
                chip.spare()
            node.cut("flash_cut")
            loop.call_later(self.off_s, node.boot, "flash_cut")

        # a tenth of the cuts fall before and behind the operation each
        share = min(max(1.2 * stream.random() - 0.1, 0.0), 1.0)
        for chip in self._chips(stage):
            chip.cut_at(1 + stream.below(self.within), share, fall)

    def end(self, stage: Stage) -> None:
        for chip in self._chips(stage):
            chip.spare()
        stage.world.nodes[self.node].boot("flash_cut")

    def _chips(self, stage: Stage) -> list[SimFlash]:
        board = stage.world.nodes[self.node].board
        return {"journal": [board.flash], "slots": [*board.slots], "notes": [board.notes]}[self.region]


class FlashSlow(Fault, frozen=True, kw_only=True, tag="flash_slow"):
    """A node's flash takes its time: worn or cold, by the longest times of its data sheet."""

    node: str

    def begin(self, stage: Stage) -> None:
        chip = stage.world.nodes[self.node].board.flash
        chip.page_ms, chip.erase_ms = flash.SLOW_PAGE_MS, flash.SLOW_ERASE_MS

    def end(self, stage: Stage) -> None:
        chip = stage.world.nodes[self.node].board.flash
        chip.page_ms, chip.erase_ms = 0.0, 0.0


class DiskFault(Fault, frozen=True, kw_only=True):
    """One of the disk under the gateway's store, which in real time is the machine's."""

    @property
    def only_virtual(self) -> Phrase | None:
        return Phrase("real_time.own_disk")


class DiskFull(DiskFault, frozen=True, kw_only=True, tag="disk_full"):
    """Something has filled the gateway's card up to `free_kib`. Room is made when this ends."""

    free_kib: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0

    def begin(self, stage: Stage) -> None:
        _disk(stage).free_bytes = self.free_kib * 1024

    def end(self, stage: Stage) -> None:
        _disk(stage).free_bytes = None


class DiskErrors(DiskFault, frozen=True, kw_only=True, tag="disk_errors"):
    """The gateway's card refuses: worn out, or its file system went read-only."""

    operation: Literal["sync", "write"] = "write"

    def begin(self, stage: Stage) -> None:
        disk = _disk(stage)
        disk.refuses |= {self.operation}

    def end(self, stage: Stage) -> None:
        disk = _disk(stage)
        disk.refuses -= {self.operation}


class DiskSlow(DiskFault, frozen=True, kw_only=True, tag="disk_slow"):
    """A cheap or cold card: each sync stops the gateway for `sync_s`."""

    sync_s: Seconds = 0.2

    def begin(self, stage: Stage) -> None:
        _disk(stage).slow_s = self.sync_s

    def end(self, stage: Stage) -> None:
        _disk(stage).slow_s = 0.0


class DiskCut(DiskFault, frozen=True, kw_only=True, tag="disk_cut"):
    """The gateway's power goes in the middle of one of its next `within` writes to its card, and any part of what was
    not synced is lost; none, if `lasts` is over before. It starts again `off_s` later."""

    within: Count = 50
    off_s: OffSeconds = 30.0

    def begin(self, stage: Stage) -> None:
        disk = _disk(stage)
        if disk.is_dead:
            return
        stream = stage.world.streams["disk cut"]
        loop = asyncio.get_running_loop()

        def fall() -> None:
            stage.kill_gateway("disk_cut")
            loop.call_later(1.0, disk.lose_unsynced, stream)  # by then the dead gateway has let go of its files
            loop.call_later(self.off_s, restart)

        def restart() -> None:
            disk.revive()
            stage.start_gateway("disk_cut")

        disk.begin_trace()
        disk.on_cut = fall
        disk.cut_at = 1 + stream.below(self.within)

    def end(self, stage: Stage) -> None:
        disk = _disk(stage)
        if disk.cut_at is not None:  # it has not come to that
            disk.cut_at = None
            disk.trace = None


def _disk(stage: Stage) -> Disk:
    if stage.world.disk is None:
        raise RuntimeError("faults of the gateway's disk need virtual time, and a Python whose SQLite can be reached")
    return stage.world.disk


AnyStorageFault = FlashRot | FlashCut | FlashSlow | DiskFull | DiskErrors | DiskSlow | DiskCut
