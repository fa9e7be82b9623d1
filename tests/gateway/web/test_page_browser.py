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
from gateway.site.config import load
from gateway.web import certificate
from tests.gateway.web.station import PASSWORD, World, gateway, page, troubled, well

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
DESK = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
DEVICES = {"desk": DESK, "phone": PHONE}
# What Chromium itself says of a page that has gone, and of a wrong password.
GONE = "Failed to load resource: net::ERR_"
FORBIDDEN = "Failed to load resource: the server responded with a status of 403 (Forbidden)"

# Streams whose words a test can keep from the page, as a connection does that has gone without a word.
MUTABLE = """window.streams = [];
window.EventSource = class extends EventSource {
  constructor(address) { super(address); streams.push(this); }
  set onmessage(hear) { super.onmessage = (event) => this.is_mute || hear(event); }
};"""

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)("no browser: apt-get install -y chromium")
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
    """Opens the page; at the end there must have been no complaint `but` that, and nothing asked of anybody else."""
    complaints: list[str] = []
    contexts: list[BrowserContext] = []
    asked: set[str] = set()
    origins: set[str] = set()

    expected: list[str] = []

    def open_page(
        port: int,
        lang: str = "en",
        device: dict[str, Any] = DESK,
        scheme: str = "light",
        but: str | None = None,
        first: str = "",
    ) -> Page:
        expected.extend([but] if but else [])
        contexts.append(browser.new_context(color_scheme=scheme, locale="zh-CN" if lang == "zh" else "en-GB", **device))
        shown = contexts[-1].new_page()
        if first:
            shown.add_init_script(first)
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
    assert [text for text in complaints if not any(one in text for one in expected)] == []
    assert all(any(url.startswith(origin) for origin in origins) for url in asked)


def heard(world: World, shown: Page, lang: str = "en") -> None:
    """Until the page has a gateway's state."""
    expect(shown.locator("#verdict strong")).not_to_have_text(say("web.no_gateway", lang), timeout=15_000)


def keep(shown: Page, name: str) -> None:
    folder = os.environ.get("WATERTOWER_SCREENSHOTS")
    if folder:
        shown.screenshot(path=Path(folder) / f"web-{name}.png")  # what is seen first
        shown.screenshot(path=Path(folder) / f"web-{name}-whole.png", full_page=True)


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
    expect(verdict).to_contain_text("3176")
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
    words = say("web.count_alarms", lang, count=2) + " · " + say("web.count_conditions", lang, count=5)
    expect(shown.locator("#verdict strong")).to_have_text(words)
    expect(shown.locator(".alarm")).to_have_count(3)
    expect(shown.locator(".alarm strong").first).to_contain_text("溶解氧过低" if lang == "zh" else "Too little oxygen")
    expect(shown.locator("[data-key]")).to_have_count(5)
    expect(shown.locator("#uplinks")).to_contain_text("Connection refused")  # works with the broker down
    expect(shown.locator("#uplinks")).to_contain_text("1,234")
    left = f"{say('web.waits_backlog', lang)} 1,440"  # a rationed channel
    expect(shown.locator("#uplinks")).to_contain_text(left)
    expect(shown.locator('[data-channel="cod.cod"] .worth')).to_contain_text(say("quality.no_reply", lang))
    expect(shown.locator(".plot").first).to_be_visible()
    assert shown.locator(".plot").count() == 35
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")  # nothing sticks out
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(16, 21, 27)" if scheme == "dark" else "rgb(255, 255, 255)"
    )
    if (lang == "en") == (device == "desk"):  # axe takes seconds, and words change nothing for it
        assert faults(shown) == []
    keep(shown, f"{device}-{lang}-{scheme}")


def test_what_happens_is_seen_without_loading_again(open_page: Open, world: World, port: int) -> None:
    world.status = well(world.site, world.clock.unix)
    shown = open_page(port)
    expect(shown.locator("#verdict")).to_have_class("verdict good", timeout=15_000)
    expect(shown.locator("#alarms .body")).to_have_text(say("web.no_alarms", "en"))
    expect(shown.locator("#conditions .body")).to_have_text(say("web.no_conditions", "en"))
    status = world.status
    channels = (replace(status.channels[0], value="0.77777"), *status.channels[1:])
    world.status = replace(status, channels=channels, store=replace(status.store, is_full=True))
    expect(shown.locator(".card .value").first).to_contain_text("0.77777", timeout=15_000)
    expect(shown.locator("#verdict")).to_have_class("verdict bad")
    assert shown.title() == "(1) Bench station"


def test_a_nodes_battery_is_shown_as_it_told_it_last(open_page: Open, world: World, port: int) -> None:
    radio = well(world.site, world.clock.unix).radio
    assert radio is not None
    (plan,) = [node for node in world.site.nodes if node.battery is not None]
    shown = open_page(port)
    cell = shown.locator("#nodes tr", has_text=plan.name).locator("td").nth(3)
    for mv, words, kind in (
        (None, "voltage not told yet", None),
        (13_266, "13.3 V", "good"),
        (12_500, "12.5 V", "bad"),
    ):
        nodes = tuple(
            replace(node, battery_mv=mv, battery_unix_ms=world.clock.unix - 3_600_000) if node.id == plan.id else node
            for node in radio.nodes
        )
        world.status = replace(world.status, radio=replace(radio, nodes=nodes))
        expect(cell).to_contain_text(words, timeout=15_000)
        if kind is not None:
            expect(cell.locator(f".state.{kind}")).to_be_visible()
    expect(cell).to_contain_text("little left")


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
    shown = open_page(port, but=FORBIDDEN)
    heard(world, shown)
    row = shown.locator('[data-rule="oxygen"]')
    row.get_by_role("button", name="Acknowledge").focus()
    shown.keyboard.press("Enter")  # nobody has logged in: this is asked first
    shown.keyboard.type("not the password")
    shown.keyboard.press("Enter")
    expect(shown.locator("#ask .fault")).to_have_text(say("web.wrong_password", "en"))
    assert faults(shown) == []
    shown.keyboard.type(PASSWORD)
    shown.keyboard.press("Enter")
    expect(shown.locator("#ask")).to_be_hidden()
    expect(row).to_contain_text(say("alarm.acknowledged", "en"))  # and done without another word
    expect(row).to_have_class("alarm orange")
    row.get_by_role("combobox").select_option("24")
    row.get_by_role("button", name="Shelve").press("Enter")
    expect(row).to_contain_text("shelved · until")
    shown.reload()
    expect(row).to_contain_text("shelved · until")
    row.get_by_role("button", name="Unshelve").press("Enter")
    expect(row).to_have_count(0)
    row = shown.locator('[data-rule="sour"]')
    row.get_by_role("button", name="Acknowledge").press("Enter")
    row.get_by_role("button", name="Reset").press("Enter")
    expect(row).to_have_count(0)
    expect(shown.locator("#verdict strong")).to_have_text(say("web.count_conditions", "en", count=5))
    shown.locator("#login").press("Enter")
    expect(shown.locator("#login")).to_have_text(say("web.login", "en"))


def test_on_a_phone_maintenance_begins_and_ends_with_a_thumb(open_page: Open, world: World, port: int) -> None:
    world.status = well(world.site, world.clock.unix)
    shown = open_page(port, "zh", PHONE)
    heard(world, shown, "zh")
    shown.locator("#where").select_option("do")
    shown.locator("#what").select_option("calibration")
    shown.get_by_role("button", name=say("web.begin", "zh")).tap()
    shown.locator("#password").fill(PASSWORD)
    shown.locator("#ask button.main").tap()
    expect(shown.locator("#work")).to_contain_text("do")
    expect(shown.locator('[data-channel="do.temperature"] .work')).to_have_text(say("quality.calibration", "zh"))
    expect(shown.locator(".card .work")).to_have_count(len([1 for one in world.site.channels if one.sensor == "do"]))
    assert faults(shown) == []
    keep(shown, "phone-zh-maintenance")
    shown.locator("#maintenance").get_by_role("button", name=say("web.end", "zh")).tap()
    expect(shown.locator("#work")).to_be_hidden()


def test_what_a_glove_must_hit_is_large_enough(open_page: Open, world: World, port: int) -> None:
    world.status = troubled(world.site, world.clock.unix)
    shown = open_page(port, "zh", PHONE)
    heard(world, shown, "zh")
    small = shown.evaluate("""() => [...document.querySelectorAll("button, a:not(.skip), select, input")]
        .filter((each) => each.checkVisibility())
        .map((each) => [each.outerHTML.slice(0, 80), each.getBoundingClientRect()])
        .filter(([, box]) => box.width < 44 || box.height < 44).map(([html]) => html)""")
    assert small == []


def test_light_or_dark_is_chosen_and_remembered(open_page: Open, world: World, port: int) -> None:
    shown = open_page(port, scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    assert shown.evaluate(colour) == "rgb(16, 21, 27)"
    shown.locator("#theme").click()
    assert shown.evaluate(colour) == "rgb(255, 255, 255)"
    shown.reload()
    assert shown.evaluate(colour) == "rgb(255, 255, 255)"
    shown.locator("#theme").click()
    assert shown.evaluate(colour) == "rgb(16, 21, 27)"


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
    expect(shown.locator("#conditions")).to_contain_text(nasty, timeout=15_000)
    expect(shown.locator("#events")).to_contain_text(nasty)
    expect(shown.locator("#uplinks")).to_contain_text(nasty)
    assert shown.locator("img").count() == 0


def test_a_device_that_slept_does_not_take_an_old_state_for_the_new_one(
    open_page: Open, world: World, port: int
) -> None:
    """Its stream is open and says no more, and its clock has gone on."""
    world.status = well(world.site, world.clock.unix)
    shown = open_page(port, first=MUTABLE)
    heard(world, shown)
    asked: list[str] = []
    shown.on("request", lambda request: asked.append(request.url))
    shown.evaluate("""() => {
        const verdict = document.querySelector("#verdict");
        new MutationObserver(() => { if (verdict.classList.contains("bad")) document.body.dataset.lost = "yes"; })
            .observe(verdict, { attributes: true });
        for (const stream of streams) stream.is_mute = true;
        const real = Date.now;
        Date.now = () => real() + 3_600_000;
    }""")
    expect(shown.locator("body")).to_have_attribute("data-lost", "yes")  # and said so
    expect(shown.locator("#verdict")).to_have_class("verdict good", timeout=15_000)
    assert sum(url.endswith("/live") for url in asked) == 1


def test_long_names_and_full_rows_stay_in_their_places(open_page: Open, world: World, port: int) -> None:
    """Nothing covers another cell's words, nothing leaves the screen."""
    status = troubled(world.site, world.clock.unix)
    assert status.radio is not None
    nodes = tuple(replace(one, battery_mv=12_400, battery_unix_ms=world.clock.unix) for one in status.radio.nodes)
    world.status = replace(
        status,
        radio=replace(status.radio, nodes=nodes),
        uplinks=tuple(replace(one, uplink="x" * 40) for one in status.uplinks),
        buses=tuple(
            replace(bus, devices=tuple(replace(one, sensor="长W" * 20) for one in bus.devices)) for bus in status.buses
        ),
    )
    for lang in ("en", "zh"):
        shown = open_page(port, lang, PHONE)
        heard(world, shown, lang)
        expect(shown.locator("#uplinks")).to_contain_text("x" * 40, timeout=15_000)
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
        covered = shown.evaluate("""() => [...document.querySelectorAll("tr")].flatMap((row) => {
            const cells = [...row.children].map((cell) => [cell, cell.getBoundingClientRect()]);
            return cells.flatMap(([cell, a], at) => cells.slice(at + 1).filter(([, b]) =>
                a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
                .map(([other]) => `${cell.textContent} / ${other.textContent}`)); })""")
        assert covered == []
        outside = shown.evaluate("""() => [...document.querySelectorAll(".sketch g:has(> rect)")].filter((group) => {
            const box = group.querySelector("rect").getBoundingClientRect();
            return [...group.querySelectorAll("text")].some((text) => text.getBoundingClientRect().right > box.right);
        }).map((group) => group.textContent)""")
        assert outside == []


def test_who_is_not_encrypted_is_led_to_the_page_that_is(
    open_page: Open, browser: Browser, world: World, port: int
) -> None:
    world.status = troubled(world.site, world.clock.unix)
    with page(world, tls=certificate.ready(world.site, "0.0.0.0")) as both:
        shown = open_page(both, "zh", PHONE, but=GONE)
        shown.locator("#login").tap()
        expect(shown.locator("#password")).to_be_hidden()
        there = shown.locator("#private a")
        expect(there).to_have_attribute("href", f"https://127.0.0.1:{both}/")
        keep(shown, "phone-zh-plain")
        context = browser.new_context(ignore_https_errors=True, locale="zh-CN", **PHONE)
        private = context.new_page()
        private.goto(there.get_attribute("href") or "")
        row = private.locator('[data-rule="oxygen"]')
        row.get_by_role("button", name=say("web.acknowledge", "zh")).tap()
        private.locator("#password").fill(PASSWORD)
        private.locator("#ask button.main").tap()
        expect(row).to_contain_text(say("alarm.acknowledged", "zh"), timeout=15_000)
        context.close()


def test_names_of_the_site_file_stay_texts(open_page: Open, tmp_path: Path) -> None:
    world = World(tmp_path)
    nasty = "</script><img src=x onerror=alert(1)>'\"&amp;{{web.login}}<!--"
    text = world.file.read_text("utf-8").replace('"Bench station"', f"'''{nasty}'''")
    text = text.replace('"Too little oxygen for fish"', f"'''{nasty}'''").replace('"基准站"', f"'''{nasty}'''")
    world.file.write_text(text, "utf-8")
    world.site = load(world.file)
    world.status = troubled(world.site, world.clock.unix)
    with gateway(world), page(world) as port:
        for lang in ("en", "zh"):
            shown = open_page(port, lang, but=GONE)
            heard(world, shown, lang)
            expect(shown.locator("h1")).to_have_text(nasty)
            if lang == "en":
                expect(shown.locator('[data-rule="oxygen"] strong')).to_contain_text(nasty)
            assert shown.locator("img, body script").count() == 0
            assert shown.title().endswith(nasty)


def test_a_gateway_that_starts_again_is_seen_by_a_page_that_stayed_open(open_page: Open, tmp_path: Path) -> None:
    world = World(tmp_path)
    with page(world) as port:
        with gateway(world):
            shown = open_page(port, but=GONE)
            expect(shown.locator("#verdict")).to_have_class("verdict good", timeout=15_000)
        expect(shown.locator("#verdict strong")).to_have_text(say("web.no_gateway", "en"), timeout=15_000)
        expect(shown.locator(".stale .card")).to_have_count(35)
        with gateway(world):
            expect(shown.locator("#verdict")).to_have_class("verdict good", timeout=15_000)
            expect(shown.locator(".stale")).to_have_count(0)


def test_a_page_that_has_lost_its_station_says_so_and_finds_it_again(open_page: Open, world: World) -> None:
    world.status = well(world.site, world.clock.unix)
    with page(world) as port:
        shown = open_page(port, but=GONE)
        expect(shown.locator(".card")).to_have_count(35)
    expect(shown.locator("#verdict strong")).to_have_text(say("web.no_page", "en"))
    expect(shown.locator(".stale .card")).to_have_count(35)
