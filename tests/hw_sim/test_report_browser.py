"""The report as people meet it: opened from a disk in a real Chromium, on a desk and on a phone.

WATERTOWER_SCREENSHOTS names a folder in which to leave what was seen.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

from gateway.messages import say
from hw_sim.report import render
from hw_sim.report.history import FaultSpan, History
from tests.hw_sim.report_sample import BEGIN_MS, DAY_MS, FLOOD_DAY, month

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
SMALL_PHONE = {**PHONE, "viewport": {"width": 360, "height": 640}}

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("there is no chromium to look at the report with: apt-get install -y chromium", pytrace=False)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, headless=True, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def history() -> History:
    return month(bad=True)


@pytest.fixture(scope="module")
def files(history: History, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("report")
    for lang in ("en", "zh"):
        (folder / f"{lang}.html").write_text(render(history, lang), "utf-8")
    return {lang: folder / f"{lang}.html" for lang in ("en", "zh")}


@pytest.fixture
def open_page(browser: Browser, files: dict[str, Path]) -> Iterator[Open]:
    """Opens a report; at the end there must have been no complaint and nothing asked of a network."""
    complaints: list[str] = []
    contexts: list[BrowserContext] = []
    allowed, asked = {"data:,"}, set[str]()

    def open_page(
        lang: str = "en", device: dict[str, Any] = DESK, scheme: str = "light", file: Path | None = None
    ) -> Page:
        contexts.append(browser.new_context(color_scheme=scheme, **device))
        page = contexts[-1].new_page()
        address = (file or files[lang]).as_uri()
        allowed.add(address)
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: asked.add(request.url))
        page.goto(address)
        settle(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert asked <= allowed


def settle(page: Page) -> None:
    """Until what was asked for is painted."""
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
    )


def to_the_charts(page: Page) -> None:
    page.locator("#chart").evaluate("(chart) => chart.scrollIntoView()")
    settle(page)


def window_ms(page: Page) -> tuple[int, int]:
    settle(page)
    chart = page.locator("#chart")
    return int(chart.get_attribute("data-from") or 0), int(chart.get_attribute("data-to") or 0)


def place(locator: Locator) -> tuple[float, float, float, float]:
    box = locator.bounding_box()
    assert box is not None
    return box["x"], box["y"], box["width"], box["height"]


def at(page: Page, locator: Locator, unix_ms: float, share: float = 0.5) -> tuple[float, float]:
    """Where a time lies on a strip, `share` of its height down."""
    left, top, width, height = place(locator)
    gutter = page.evaluate("parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--gutter'))")
    begin, end = window_ms(page)
    return left + gutter + (unix_ms - begin) / (end - begin) * (width - gutter - 8), top + share * height


def strip(page: Page, channel: str) -> Locator:
    return page.locator(".row", has=page.locator(f'small:text-is("{channel}")'))


def ink(canvas: Locator, name: str) -> int:
    """How many pixels of a canvas have a colour of the page's palette."""
    return int(
        canvas.evaluate(
            """(canvas, name) => {
              const { width, height } = canvas;
              const copy = Object.assign(document.createElement("canvas"), { width, height });
              const g = copy.getContext("2d", { willReadFrequently: true });
              g.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
              g.fillRect(0, 0, 1, 1);
              const want = g.getImageData(0, 0, 1, 1).data;
              g.clearRect(0, 0, 1, 1);
              g.drawImage(canvas, 0, 0);
              const all = g.getImageData(0, 0, width, height).data;
              let count = 0;
              for (let i = 0; i < all.length; i += 4) {
                const off = [0, 1, 2].reduce((sum, k) => sum + Math.abs(all[i + k] - want[k]), 0);
                count += off < 9 && all[i + 3] > 200;
              }
              return count;
            }""",
            name,
        )
    )


def wide(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("name", "device"), [("desktop", DESK), ("phone", PHONE)])
def test_it_opens_with_the_verdict_first_and_charts_in_their_colours(
    open_page: Open, lang: str, name: str, device: dict[str, Any], scheme: str, tmp_path: Path
) -> None:
    page = open_page(lang, device, scheme)
    assert page.locator("h1").inner_text() == "spring-flood: " + say("report.refused", lang)
    assert place(page.locator("h1"))[1] < 60
    assert not wide(page)
    folder = Path(os.environ.get("WATERTOWER_SCREENSHOTS", tmp_path))
    page.screenshot(path=folder / f"report-{name}-{lang}-{scheme}.png")
    to_the_charts(page)
    page.screenshot(path=folder / f"report-{name}-{lang}-{scheme}-charts.png")
    canvas = strip(page, "ec.conductivity").locator("canvas")
    canvas.scroll_into_view_if_needed()
    settle(page)
    assert ink(canvas, "--delivered") > 50
    assert ink(canvas, "--wrong") > 40
    assert ink(strip(page, "level.pressure").locator("canvas"), "--wrong") == 0


def test_on_the_smallest_phone_nothing_is_wider_than_the_screen(open_page: Open) -> None:
    page = open_page("en", SMALL_PHONE)
    page.locator("#channels summary").tap()
    page.locator("#faults summary").tap()
    page.locator("[data-pick=all]").tap()
    settle(page)
    assert not wide(page)
    assert page.locator("#axis").evaluate("(axis) => axis.clientWidth") > 330


def test_the_wheel_zooms_over_the_axis_and_with_ctrl_and_turns_the_page_elsewhere(open_page: Open) -> None:
    page = open_page()
    to_the_charts(page)
    flood_ms = BEGIN_MS + FLOOD_DAY * DAY_MS
    page.mouse.move(*at(page, page.locator("#axis"), flood_ms))
    page.mouse.wheel(0, -400)
    page.mouse.wheel(0, -400)
    begin, end = window_ms(page)
    assert end - begin < 20 * DAY_MS
    assert (flood_ms - begin) / (end - begin) == pytest.approx(FLOOD_DAY / 30, abs=0.01)

    canvas = strip(page, "level.pressure").locator("canvas")
    page.mouse.move(*at(page, canvas, flood_ms))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    nearer = window_ms(page)
    assert nearer[1] - nearer[0] < end - begin

    before = page.evaluate("scrollY")
    page.mouse.wheel(0, 150)
    page.wait_for_function("(before) => scrollY > before", arg=before)
    assert window_ms(page) == nearer


def test_a_drag_moves_the_window_and_it_never_leaves_the_run(open_page: Open) -> None:
    page = open_page()
    to_the_charts(page)
    page.locator("[data-do=week]").click()
    begin, end = window_ms(page)
    canvas = strip(page, "level.pressure").locator("canvas")
    _, _, width, _ = place(canvas)
    x, y = at(page, canvas, (begin + end) / 2)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 100, y, steps=4)
    page.mouse.up()
    moved = window_ms(page)
    assert moved[0] - begin == pytest.approx(100 / (width - 60) * 7 * DAY_MS, rel=0.02)
    assert moved[1] - moved[0] == pytest.approx(7 * DAY_MS, abs=2)
    page.mouse.down()
    page.mouse.move(x + 5000, y, steps=8)
    page.mouse.up()
    assert window_ms(page)[0] == BEGIN_MS


def test_the_strip_of_the_whole_run_moves_and_resizes_the_window(open_page: Open) -> None:
    page = open_page()
    to_the_charts(page)
    page.locator("[data-do=week]").click()
    begin, end = window_ms(page)
    left, top, width, height = place(page.locator("#overview"))

    def x(unix_ms: float) -> float:
        return left + 52 + (unix_ms - BEGIN_MS) / (30 * DAY_MS) * (width - 60)

    page.mouse.move(x((begin + end) / 2), top + height / 2)
    page.mouse.down()
    page.mouse.move(x((begin + end) / 2 + 5 * DAY_MS), top + height / 2, steps=3)
    page.mouse.up()
    assert window_ms(page)[0] == pytest.approx(begin + 5 * DAY_MS, abs=DAY_MS / 20)
    begin, end = window_ms(page)
    page.mouse.move(x(end), top + height / 2)
    page.mouse.down()
    page.mouse.move(x(end - 3 * DAY_MS), top + height / 2, steps=3)
    page.mouse.up()
    assert window_ms(page) == pytest.approx((begin, end - 3 * DAY_MS), abs=DAY_MS / 20)


def test_a_keyboard_alone_reaches_and_reads_everything(open_page: Open) -> None:
    page = open_page()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "stack":
            break
    assert page.evaluate("document.activeElement.id") == "stack"
    page.keyboard.press("+")
    page.keyboard.press("+")
    begin, end = window_ms(page)
    assert end - begin == pytest.approx(7.5 * DAY_MS, abs=2)
    page.keyboard.press("Shift+ArrowRight")
    assert window_ms(page)[0] == pytest.approx(begin + 7.5 * DAY_MS / 4, abs=2)
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.getElementById('spoken').textContent.includes('delivered')")
    assert "backhaul down" in page.locator("#spoken").inner_text()
    page.keyboard.press("Home")
    assert window_ms(page) == (BEGIN_MS, BEGIN_MS + 30 * DAY_MS)
    page.keyboard.press("Escape")
    settle(page)
    assert page.locator("#cursor").is_hidden()


def test_the_cursor_reads_the_values_of_the_history(open_page: Open, history: History) -> None:
    page = open_page()
    to_the_charts(page)
    channel = next(one for one in history.channels if one.name == "outfall_do.dissolved_oxygen")
    page.locator("[data-do=day]").click()
    begin, end = window_ms(page)
    unix_ms, value, _ = next(row for row in channel.delivered if row[0] > (begin + end) / 2)
    canvas = strip(page, channel.name).locator("canvas")
    canvas.scroll_into_view_if_needed()
    page.mouse.move(*at(page, canvas, unix_ms))
    settle(page)
    reads = strip(page, channel.name).locator(".read").all_inner_texts()
    assert reads[1] == f"{value:.2f}"
    assert reads[0] == f"{dict(channel.truth)[unix_ms]:.3f}"
    assert page.locator("#cursor").is_visible()


def test_pointing_at_a_band_or_a_mark_names_it(open_page: Open, history: History) -> None:
    page = open_page()
    to_the_charts(page)
    page.mouse.move(*at(page, strip(page, "level.pressure").locator("canvas"), BEGIN_MS + 18 * DAY_MS))
    settle(page)
    assert "backhaul down: the mast's modem has no power" in page.locator("#tip").inner_text()
    channel = next(one for one in history.channels if one.wrong)
    unix_ms, value = channel.wrong[-1]
    page.mouse.move(*at(page, strip(page, channel.name).locator("canvas"), unix_ms))
    settle(page)
    assert f"1 wrong: {value:.4f} mS/cm" in page.locator("#tip").inner_text()
    page.mouse.move(5, 5)
    settle(page)
    assert page.locator("#tip").is_hidden()


def test_on_a_phone_a_tap_names_and_reads_a_finger_moves_and_two_zoom(open_page: Open) -> None:
    page = open_page("zh", PHONE)
    to_the_charts(page)
    canvas = strip(page, "level.pressure").locator("canvas")
    x, y = at(page, canvas, BEGIN_MS + 18 * DAY_MS)
    page.touchscreen.tap(x, y)
    settle(page)
    assert "回传中断" in page.locator("#tip").inner_text()
    assert page.locator("#cursor").is_visible()

    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, *xs: float) -> None:
        points = [{"x": each, "y": y, "id": number} for number, each in enumerate(xs)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", 180)
    fingers("touchStart", 180, 220)
    for step in range(1, 9):
        fingers("touchMove", 180 - 8 * step, 220 + 8 * step)
    fingers("touchEnd")
    begin, end = window_ms(page)
    assert 4 * DAY_MS < end - begin < 9 * DAY_MS

    fingers("touchStart", 200)
    for step in range(1, 9):
        fingers("touchMove", 200 + 10 * step)
    fingers("touchEnd")
    moved = window_ms(page)
    assert moved[0] < begin - DAY_MS / 2
    assert moved[1] - moved[0] == pytest.approx(end - begin, abs=2)


def test_channels_are_chosen_and_a_fault_of_the_list_is_shown(open_page: Open) -> None:
    page = open_page()
    channels = page.locator(".row small")
    assert channels.count() == 8
    page.locator("#channels summary").click()
    page.locator("label", has_text="chl.chlorophyll").click()
    settle(page)
    assert page.locator("#shown").inner_text() == "9 of 35 shown"
    assert channels.all_inner_texts().index("chl.chlorophyll") == 4  # the order of the site, not of the clicks
    page.locator("[data-pick=marked]").click()
    assert {"ec.conductivity", "turb.turbidity", "outfall_ph.ph"} <= {*channels.all_inner_texts()}
    page.locator("[data-pick=none]").click()
    assert channels.count() == 0
    page.locator("#faults summary").click()
    page.locator("button", has_text="card full").click()
    begin, end = window_ms(page)
    assert begin < BEGIN_MS + 22.4 * DAY_MS < BEGIN_MS + 22.9 * DAY_MS < end
    assert end - begin < 2 * DAY_MS


def test_the_zone_is_said_and_can_be_changed(open_page: Open) -> None:
    chinese, english = open_page("zh"), open_page("en")
    assert "2026-05-01 00:00 UTC+8" in chinese.locator(".facts").inner_text()
    assert "2026-04-30 16:00 UTC" in english.locator(".facts").inner_text()
    english.locator("#zone").select_option("480")
    assert "2026-05-01 00:00 UTC+8" in english.locator(".facts").inner_text()


def test_35_strips_move_smoothly(open_page: Open) -> None:
    page = open_page()
    page.locator("#channels summary").click()
    page.locator("[data-pick=all]").click()
    to_the_charts(page)
    meter = page.context.new_cdp_session(page)
    meter.send("Performance.enable")

    def script_s() -> float:
        """Of the page's own scripts: what else runs on this machine hardly counts."""
        found = meter.send("Performance.getMetrics")["metrics"]
        return float(next(metric["value"] for metric in found if metric["name"] == "ScriptDuration"))

    page.locator("#stack").press("+")
    before_s = script_s()
    page.evaluate(
        """async () => {
          const stack = document.getElementById("stack");
          for (let i = 0; i < 40; i++) {
            const key = i % 20 < 10 ? "ArrowRight" : "ArrowLeft";
            stack.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey: true }));
            await new Promise(requestAnimationFrame);
          }
        }"""
    )
    assert (script_s() - before_s) / 40 < 0.05  # measured: 0.01 s a frame


def test_another_scheme_repaints_and_paper_is_always_light(open_page: Open) -> None:
    page = open_page(scheme="light")
    to_the_charts(page)
    canvas = strip(page, "level.pressure").locator("canvas")
    bright = ink(canvas, "--delivered")
    page.emulate_media(color_scheme="dark")
    settle(page)
    assert ink(canvas, "--delivered") == pytest.approx(bright, rel=0.2)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert ink(canvas, "--delivered") == pytest.approx(bright, rel=0.2)
    assert page.locator("#faults").get_attribute("open") is not None
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    settle(page)
    assert page.locator("#faults").get_attribute("open") is None
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_texts_of_a_history_stay_texts(open_page: Open, tmp_path: Path) -> None:
    nasty = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
    channel = month(1, 0.1).channels[0]._replace(name=f"{nasty}.{nasty}", unit=nasty)
    history = month(1, 0.1)._replace(
        scenario=nasty,
        judge=[nasty],
        counts={nasty: 1},
        channels=[channel],
        faults=[FaultSpan(nasty, nasty, BEGIN_MS, BEGIN_MS + DAY_MS)],
        battery_v={nasty: [(BEGIN_MS, 3.3)]},
    )
    file = tmp_path / "nasty.html"
    file.write_text(render(history, "en"), "utf-8")
    page = open_page(file=file)
    to_the_charts(page)
    page.mouse.move(*at(page, page.locator(".row canvas").nth(1), BEGIN_MS + 3_600_000))
    settle(page)
    assert nasty in page.locator("#tip").inner_text()
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 2


def test_a_run_without_anything_opens(open_page: Open, tmp_path: Path) -> None:
    history = month(1, 0.1)._replace(
        channels=[], faults=[], counts={}, battery_v={}, backlog_rows={}, link_frames={}, end_ms=BEGIN_MS
    )
    file = tmp_path / "empty.html"
    file.write_text(render(history, "en"), "utf-8")
    page = open_page(file=file)
    assert page.locator(".row").count() == 1
    page.locator("[data-do=fault]").click()
    page.locator("[data-do=in]").click()
    settle(page)
