// Knows how a period is chosen and asked for; knows no readings.

import { h, one } from "./dom.js";
import { data, now_ms, say } from "./words.js";

const YEAR_MS = 370 * 86400e3; // gateway/web/server.py

export function begin_download() {
  for (const name of Object.keys(data.plan.channels)) one("#which").append(h("option", { value: name }, name));
  for (const button of document.querySelectorAll("[data-days]")) button.addEventListener("click", () => choose(Number(button.dataset.days)));
  choose(1);
  one("#download form").addEventListener("submit", (event) => {
    event.preventDefault();
    const [from_ms, to_ms] = ["#from", "#to"].map((field) => new Date(one(field).value).getTime());
    const is_fit = from_ms >= 0 && from_ms < to_ms && to_ms - from_ms <= YEAR_MS;
    one("#download .fault").textContent = is_fit ? "" : say("web.wrong_period");
    if (!is_fit) return;
    const query = new URLSearchParams({ from_ms, to_ms });
    if (one("#which").value) query.append("channel", one("#which").value);
    location.assign(`/download?${query}`);
  });
}

function choose(days) {
  const minute_ms = Math.ceil(now_ms() / 60e3) * 60e3;
  one("#to").value = local(minute_ms);
  one("#from").value = local(minute_ms - days * 86400e3);
}

/** As <input type="datetime-local"> wants it, in this device's zone. */
function local(unix_ms) {
  return new Date(unix_ms - new Date(unix_ms).getTimezoneOffset() * 60e3).toISOString().slice(0, 16);
}
