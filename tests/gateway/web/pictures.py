"""Takes the pictures of docs/img: the station in trouble, on a desk in English and on a phone in Chinese.

    python -m tests.gateway.web.pictures docs/img

They are photographed at a moment that is always the same, but fonts are those of the machine.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from gateway.messages import say
from tests.gateway.web.station import World, gateway, page, troubled

# (name, language, width, height, as a phone, the parts that are to be seen: None: from the top)
PICTURES = (
    ("web-desk", "en", 1280, 1500, False, None),
    ("web-phone", "zh", 390, 1400, True, None),
    ("web-station", "en", 1280, 900, False, ("#sketch", "#uplinks")),
)


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        world = World(Path(place))
        world.status = troubled(world.site, world.clock.unix)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with gateway(world), page(world) as port:
            for name, lang, width, height, is_phone, parts in PICTURES:
                context = browser.new_context(
                    viewport={"width": width, "height": height}, locale="zh-CN" if lang == "zh" else "en-GB",
                    is_mobile=is_phone, color_scheme="light",
                )  # fmt: skip
                shown = context.new_page()
                shown.goto(f"http://127.0.0.1:{port}/")
                shown.get_by_text(say("web.count_alarms", lang, count=2)).wait_for()
                shown.locator(".plot").first.wait_for()
                path = folder / f"{name}.png"
                if parts is None:
                    shown.screenshot(path=path)
                else:
                    first, last = (shown.locator(part).bounding_box() for part in parts)
                    assert first is not None and last is not None
                    top = first["y"] - 8
                    clip = {"x": 0, "y": top, "width": width, "height": last["y"] + last["height"] + 8 - top}
                    shown.screenshot(path=path, full_page=True, clip=clip)  # type: ignore[arg-type]
                context.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
