// Knows how the newest readings look, each with its worth, its age and its last day; knows no other part.

import { h, one, show } from "./dom.js";
import { ago, data, quantity, say, worth } from "./words.js";
import { plot } from "./plot.js";

let history = { steps: 288, curves: {} };
let seen = [];
let live = false;
let work = new Map(); // sensor -> what somebody does there

export function show_values(channels, is_live, services) {
  [seen, live, work] = [channels, is_live, new Map(services.map((one) => [one.sensor, one.state]))];
  draw();
}

/** From the gateway every few minutes: plots change slowly. */
export async function fetch_history() {
  try {
    const answer = await fetch("/history");
    if (answer.ok) history = await answer.json();
    draw();
  } catch {
    // the stream says that the station is gone
  }
}

function draw() {
  show(one("#values .body"), [seen, live, history, [...work]], () =>
    seen.length ? groups().map(group) : h("p", { class: "note" }, say("web.no_values")));
}

/** [place, its channels]: a bus or a node, in the order of the site file. */
function groups() {
  const found = new Map();
  for (const channel of seen) {
    const place = data.plan.channels[channel.channel]?.place ?? "–";
    found.set(place, [...(found.get(place) ?? []), channel]);
  }
  return [...found];
}

function group([place, channels]) {
  const kind = data.plan.nodes.some((node) => node.name === place) ? "web.node" : "web.bus";
  return [h("h3", { class: "place" }, h("small", {}, say(kind)), " ", place), h("div", { class: `cards${live ? "" : " stale"}` }, channels.map(card))];
}

function card(channel) {
  const unit = data.plan.channels[channel.channel]?.unit ?? channel.unit;
  const [kind, words] = worth(channel.quality);
  const curve = history.curves[channel.channel];
  const name = quantity(channel.quantity);
  const doing = work.get(data.plan.channels[channel.channel]?.sensor);
  return h("article", { class: `card ${kind}`, "data-channel": channel.channel },
    h("h4", {}, name, h("small", {}, channel.channel.split(".").flatMap((part, at) => (at ? [".", h("wbr"), part] : [part])))),
    doing ? h("p", { class: "work" }, say(`quality.${doing}`)) : null,
    h("p", { class: "value" }, channel.value ?? "–", " ", h("small", {}, unit)),
    h("p", { class: "worth" }, words ? h("b", { class: kind }, words) : h("span", { class: "fine" }, say("quality.good")), ago(channel.unix_ms)),
    curve ? day(name, curve, unit) : h("p", { class: "note" }, say("web.no_plot")));
}

function day(name, curve, unit) {
  const { low, high, element } = plot(name, curve, history.steps, unit);
  return [element, h("p", { class: "ends" }, h("span", {}, say("web.day_ago")), h("span", { class: "span" }, low === high ? low : `${low} – ${high}`), h("span", {}, say("web.now")))];
}
