// Knows how people say that they work at a sensor and how that looks; knows not what follows from it.

import { h, one, show } from "./dom.js";
import { post } from "./login.js";
import { clock, data, now_ms, say, span } from "./words.js";

const of_sensor = (sensor) => Object.keys(data.plan.channels).filter((name) => data.plan.channels[name].sensor === sensor);

/** [{sensor, channels, until_ms}], a sensor of which all channels are meant without its channels. */
export function works(now) {
  const found = new Map();
  for (const [channel, until_ms] of Object.entries(now.status?.maintenance ?? {})) {
    const key = `${data.plan.channels[channel]?.sensor} ${until_ms}`;
    found.set(key, { sensor: data.plan.channels[channel]?.sensor, until_ms, channels: [...(found.get(key)?.channels ?? []), channel] });
  }
  return [...found.values()].map((work) => (work.channels.length === of_sensor(work.sensor).length ? { ...work, channels: [] } : work));
}

export function show_maintenance(now) {
  const found = works(now);
  show(one("#work"), [found, Math.floor(now.unix_ms / 60e3)], () => found.length ? h("div", { class: "work" },
    h("strong", {}, say("web.maintenance_on")), " ", found.map((work) => work.channels.join(", ") || work.sensor).join(", ")) : null);
  show(one("#maintenance .list"), [found, Math.floor(now.unix_ms / 60e3)], () => found.map(row));
}

function row(work) {
  const what = work.channels.length ? { channels: work.channels } : { sensor: work.sensor };
  const name = work.channels.join(", ") || work.sensor;
  return h("div", { class: "condition", "data-work": name },
    h("span", {}, h("b", {}, name), " ", say("web.until", { until: clock(work.until_ms) }), h("small", {}, ` (${span((work.until_ms - now_ms()) / 1000)})`)),
    h("button", { type: "button", "data-id": `end ${name}`, "aria-label": `${say("web.end")}: ${name}`, onclick: () => post("/maintenance", { ...what, minutes: 0 }) }, say("web.end")));
}

export function begin_maintenance() {
  for (const sensor of data.plan.sensors) one("#where").append(h("option", { value: sensor }, sensor));
  for (const minutes of data.work_min) one("#how_long").append(h("option", { value: minutes, selected: minutes === 60 }, span(60 * minutes)));
  one("#maintenance form").addEventListener("submit", (event) => {
    event.preventDefault();
    const sensor = one("#where").value;
    post("/maintenance", { ...(sensor ? { sensor } : {}), minutes: Number(one("#how_long").value) });
  });
}
