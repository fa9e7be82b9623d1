// Knows how people say that they work at a sensor and how that looks; knows not what follows from it.

import { h, one, show } from "./dom.js";
import { post } from "./login.js";
import { clock, data, now_ms, say, span } from "./words.js";

/** [state, until when, sensors]: who has said one word for all of them sees one line. */
function works(now) {
  const found = new Map();
  for (const { sensor, state, until_ms } of now.status?.services ?? []) {
    const key = `${state} ${Math.round(until_ms / 1000)}`;
    found.set(key, [state, until_ms, [...(found.get(key)?.[2] ?? []), sensor]]);
  }
  return [...found.values()];
}

const where = (sensors) => (sensors.length === data.plan.sensors.length ? say("web.all_station") : sensors.join(", "));

export function show_maintenance(now) {
  const found = works(now);
  show(one("#work"), found, () => found.length ? h("div", { class: "work" },
    found.map(([state, until_ms, sensors]) => h("p", {}, h("strong", {}, say(`quality.${state}`)), " ", where(sensors), " ", say("web.until", { until: clock(until_ms) })))) : null);
  show(one("#maintenance .list"), [found, Math.floor(now.unix_ms / 60e3)], () => found.map(row));
}

function row([state, until_ms, sensors]) {
  const end = async () => {
    if (sensors.length === data.plan.sensors.length) return post("/service", { state: "end" });
    for (const sensor of sensors) await post("/service", { state: "end", sensor });
  };
  return h("div", { class: "condition", "data-work": sensors.join(" ") },
    h("span", {}, h("b", {}, say(`quality.${state}`)), ` ${where(sensors)} `, say("web.until", { until: clock(until_ms) }), h("small", {}, ` (${span((until_ms - now_ms()) / 1000)})`)),
    h("button", { type: "button", "data-id": `end ${sensors[0]}`, "aria-label": `${say("web.end")}: ${where(sensors)}`, onclick: end }, say("web.end")));
}

export function begin_maintenance() {
  for (const sensor of data.plan.sensors) one("#where").append(h("option", { value: sensor }, sensor));
  for (const minutes of data.work_min) one("#how_long").append(h("option", { value: minutes, selected: minutes === 60 }, span(60 * minutes)));
  one("#maintenance form").addEventListener("submit", (event) => {
    event.preventDefault();
    const sensor = one("#where").value;
    post("/service", { state: one("#what").value, ...(sensor ? { sensor } : {}), minutes: Number(one("#how_long").value) });
  });
}
