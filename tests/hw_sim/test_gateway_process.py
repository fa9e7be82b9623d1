"""The gateway's process: one at a time, killed without warning, and noticed when it ends by itself."""

import asyncio
from pathlib import Path

from hw_sim.gateway_process import GatewayProcess


async def _until_it_speaks(log: Path) -> None:
    async with asyncio.timeout(20):
        while not log.exists() or "no such" not in log.read_text("utf-8").lower():
            await asyncio.sleep(0.01)


def test_one_that_ends_by_itself_is_noticed_and_its_words_are_kept(tmp_path: Path) -> None:
    async def story() -> None:
        process = GatewayProcess([str(tmp_path / "missing.toml")], tmp_path / "log")
        assert not process.is_wanted and not process.ended()
        process.start()
        assert process.is_wanted and not process.ended()
        await _until_it_speaks(tmp_path / "log")
        async with asyncio.timeout(5):
            while not process.ended():
                await asyncio.sleep(0.01)
        await process.stop()

    asyncio.run(story())


def test_one_that_is_killed_before_it_began_never_begins(tmp_path: Path) -> None:
    async def story() -> None:
        process = GatewayProcess([str(tmp_path / "missing.toml")], tmp_path / "log")
        process.start()
        process.kill()
        assert not process.is_wanted and not process.ended()
        await asyncio.sleep(0)
        assert not (tmp_path / "log").exists()
        process.start()
        await _until_it_speaks(tmp_path / "log")
        await process.stop()

    asyncio.run(story())
