"""The page as people meet it: in a real Chromium, on a desk and on a phone, in both languages, light and dark.

WATERTOWER_SCREENSHOTS names a folder in which to leave what was seen.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from msgspec.structs import replace
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from gateway.messages import say
from tests.gateway.web.station import PASSWORD, World, gateway, page, troubled, well

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
DESK = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
DEVICES = {"desk": DESK, "phone": PHONE}
AGAIN = "Failed to load resource: net::ERR_CONNECTION_REFUSED"  # what Chromium itself says of a page that has gone

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("there is no chromium to look at the page with: apt-get install -y chromium", pytrace=False)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, headless=True, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def page_port(world: World) -> Iterator[int]:
    with page(world) as port:
        yield port


@pytest.fixture(scope="module")
def port(world: World, page_port: int) -> Iterator[int]:
    """With a gateway."""
    with gateway(world):
        yield page_port


@pytest.fixture
def open_page(browser: Browser, world: World) -> Iterator[Open]:
    """Opens the page; at the end there must have been no complaint, and nothing asked of anybody else."""
    complaints: list[str] = []
    contexts: list[BrowserContext] = []
    asked: set[str] = set()
    origins: set[str] = set()

    def open_page(port: int, lang: str = "en", device: dict[str, Any] = DESK, scheme: str = "light") -> Page:
        contexts.append(browser.new_context(color_scheme=scheme, locale="zh-CN" if lang == "zh" else "en-GB", **device))
        shown = contexts[-1].new_page()
        shown.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        shown.on("pageerror", lambda error: complaints.append(str(error)))
        shown.on("request", lambda request: asked.add(request.url))
        origins.add(f"http://127.0.0.1:{port}/")
        shown.goto(f"http://127.0.0.1:{port}/")
        expect(shown.locator("#verdict")).not_to_have_class("verdict asking", timeout=15_000)
        return shown

    yield open_page
    for context in contexts:
        context.close()
    assert [text for text in complaints if AGAIN not in text] == []
    assert all(any(url.startswith(origin) for origin in origins) for url in asked)


def heard(world: World, shown: Page, lang: str = "en") -> None:
    """Until the page has a gateway's state."""
    expect(shown.locator("#verdict strong")).not_to_have_text(say("web.no_gateway", lang), timeout=15_000)


def keep(shown: Page, name: str) -> None:
    folder = os.environ.get("WATERTOWER_SCREENSHOTS")
    if folder:
        shown.screenshot(path=Path(folder) / f"web-{name}.png", full_page=True)


def faults(shown: Page) -> list[str]:
    """What axe finds serious or critical."""
    found = Axe().run(shown).response["violations"]
    return [
        f"{one['id']}: {node['html'][:100]} {node.get('failureSummary', '')}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


# --- before there is a gateway: these come first, the module's gateway begins with the first that wants `port` --------


@pytest.mark.parametrize(("lang", "device", "scheme"), [("en", "desk", "light"), ("zh", "phone", "dark")])
def test_without_a_gateway_it_says_so_and_shows_what_the_store_has(
    open_page: Open, page_port: int, lang: str, device: str, scheme: str
) -> None:
    shown = open_page(page_port, lang, DEVICES[device], scheme)
    verdict = shown.locator("#verdict")
    expect(verdict).to_contain_text(say("web.no_gateway", lang))
    expect(verdict).to_contain_text("systemctl status watertower")
    expect(verdict).to_contain_text("3,176" if False else "3176")
    expect(shown.locator(".stale .card")).to_have_count(35)
    expect(shown.locator('[data-channel="do.dissolved_oxygen"] .value')).to_contain_text("mg/L")
    expect(shown.locator("#events tbody tr")).to_have_count(2)
    assert faults(shown) == []
    keep(shown, f"stopped-{lang}")


# --- with one -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("device", ["desk", "phone"])
def test_a_station_in_trouble_is_shown_and_axe_finds_no_serious_fault(
    open_page: Open, world: World, port: int, lang: str, device: str, scheme: str
) -> None:
    world.status = troubled(world.site, world.clock.unix)
    shown = open_page(port, lang, DEVICES[device], scheme)
    heard(world, shown, lang)
    expect(shown.locator("html")).to_have_attribute("lang", "zh-CN" if lang == "zh" else "en")
    expect(shown.locator("h1")).to_have_text("基准站" if lang == "zh" else "Bench station")
    expect(shown.locator("#verdict strong")).to_have_text(say("web.count_alarms", lang, count=5))
    expect(shown.locator(".alarm")).to_have_count(5)
    expect(shown.locator("#uplinks")).to_contain_text("Connection refused")  # works with the broker down
    expect(shown.locator("#uplinks")).to_contain_text("1,234")
    expect(shown.locator('[data-channel="cod.cod"] .worth')).to_contain_text(say("quality.no_reply", lang))
    expect(shown.locator(".plot").first).to_be_visible()
    assert shown.locator(".plot").count() == 35
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")  # nothing sticks out
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(16, 21, 27)" if scheme == "dark" else "rgb(255, 255, 255)"
    )
    assert faults(shown) == []
    keep(shown, f"{device}-{lang}-{scheme}")


def test_what_happens_is_seen_without_loading_again(open_page: Open, world: World, port: int) -> None:
    world.status = well(world.site, world.clock.unix)
    shown = open_page(port)
    expect(shown.locator("#verdict")).to_have_class("verdict good", timeout=15_000)
    expect(shown.locator("#alarms .body")).to_have_text(say("web.no_alarms", "en"))
    status = world.status
    channels = (replace(status.channels[0], value="0.77777"), *status.channels[1:])
    world.status = replace(status, channels=channels, store=replace(status.store, is_full=True))
    expect(shown.locator(".card .value").first).to_contain_text("0.77777", timeout=15_000)
    expect(shown.locator("#verdict")).to_have_class("verdict bad")
    assert shown.title() == "(1) Bench station"


def test_a_gap_is_a_gap_and_a_wrong_reading_is_marked(open_page: Open, world: World, port: int) -> None:
    shown = open_page(port)
    card = shown.locator('[data-channel="turb.turbidity"]')
    expect(card.locator(".mean")).to_have_count(2)
    expect(card.locator(".flag")).to_have_count(5)
    assert "last 24 h: lowest" in (card.locator("svg").get_attribute("aria-label") or "")
    first = card.locator(".mean").first.get_attribute("d") or ""
    assert first.startswith("M0 ") or first.startswith("M1 ")


def test_with_the_keyboard_alone_one_logs_in_acknowledges_and_shelves(open_page: Open, world: World, port: int) -> None:
    world.status = troubled(world.site, world.clock.unix)
    shown = open_page(port)
    heard(world, shown)
    expect(shown.locator(".alarm")).to_have_count(5, timeout=15_000)
    expect(shown.locator(".alarm button")).to_have_count(0)
    shown.locator("#login").focus()
    shown.keyboard.press("Enter")
    shown.keyboard.type("not the password")
    shown.keyboard.press("Enter")
    expect(shown.locator("#ask .fault")).to_have_text(say("web.wrong_password", "en"))
    assert faults(shown) == []
    shown.keyboard.type(PASSWORD)
    shown.keyboard.press("Enter")
    expect(shown.locator("#ask")).to_be_hidden()
    row = shown.locator('.alarm[data-key="uplink platform"]')
    row.get_by_role("button", name="Acknowledge").focus()
    shown.keyboard.press("Enter")
    expect(row).to_contain_text("acknowledged (127.0.0.1)")
    expect(row).to_have_class("alarm u2 acknowledged")
    row.get_by_role("combobox").select_option("24")
    row.get_by_role("button", name="Shelve").press("Enter")
    expect(row).to_contain_text("shelved until")
    assert faults(shown) == []
    shown.reload()
    expect(row).to_contain_text("shelved until")
    row.get_by_role("button", name="Unshelve").press("Enter")
    expect(row).to_contain_text("not acknowledged")
    shown.locator("#login").press("Enter")
    expect(shown.locator(".alarm button")).to_have_count(0)


def test_a_period_is_downloaded(open_page: Open, world: World, port: int) -> None:
    shown = open_page(port)
    heard(world, shown)
    shown.locator("#which").select_option("do.temperature")
    shown.evaluate("""([from, to]) => {
        const local = (ms) => new Date(ms - new Date(ms).getTimezoneOffset() * 60e3).toISOString().slice(0, 16);
        document.querySelector("#from").value = local(from);
        document.querySelector("#to").value = local(to);
    }""", [world.clock.unix - 3_600_000, world.clock.unix + 60_000])  # fmt: skip
    with shown.expect_download() as waited:
        shown.locator("#download .main").click()
    assert waited.value.suggested_filename == "bench.csv"
    assert len(waited.value.path().read_text().splitlines()) == 1 + 13
    shown.locator("#to").fill("2020-01-01T00:00")
    shown.locator("#download .main").click()
    expect(shown.locator("#download .fault")).to_have_text(say("web.wrong_period", "en"))


def test_texts_of_a_gateway_stay_texts(open_page: Open, world: World, port: int) -> None:
    nasty = "</script><img src=x onerror=alert(1)>"
    status = troubled(world.site, world.clock.unix)
    uplink = replace(status.uplinks[0], trouble=nasty)
    events = (replace(status.events[0], kind=nasty, detail=nasty),)
    world.status = replace(status, uplinks=(uplink, *status.uplinks[1:]), events=events, stuck=(nasty,))
    shown = open_page(port)
    expect(shown.locator("#alarms")).to_contain_text(nasty, timeout=15_000)
    expect(shown.locator("#events")).to_contain_text(nasty)
    expect(shown.locator("#uplinks")).to_contain_text(nasty)
    assert shown.locator("img").count() == 0


def test_a_page_that_has_lost_its_station_says_so_and_finds_it_again(open_page: Open, world: World) -> None:
    world.status = well(world.site, world.clock.unix)
    with page(world) as port:
        shown = open_page(port)
        expect(shown.locator(".card")).to_have_count(35)
    expect(shown.locator("#verdict strong")).to_have_text(say("web.no_page", "en"))
    expect(shown.locator(".stale .card")).to_have_count(35)
