// Knows how a map of the station is drawn: to scale, north up, each place a number that the list beside it explains.
// Numbers, because names are long and a phone is narrow.

import { h, one, s, show } from "./dom.js";
import { data, say } from "./words.js";
import { device_state, node_state } from "./tables.js";

const SIDE = 350;
const EDGE = 34; // so that no mark is cut off
const CLOSE = 24; // marks nearer than this would hide each other
const WINDS = ["wind_n", "wind_ne", "wind_e", "wind_se", "wind_s", "wind_sw", "wind_w", "wind_nw"];

export function show_map(now) {
  if (!data.plan.map.length) return;
  const states = data.plan.map.map((place) => state_of(place, now));
  show(one("#map"), states, () => [picture(states), legend(states)]);
}

/** [kind, words] of a place; a node's sensor is as its node is. */
function state_of(place, now) {
  const name = place.is_node ? place.name : place.node;
  if (name !== null) {
    const silent = now.conditions.some((condition) => condition.key === `node ${name}`);
    const node = now.status?.radio?.nodes.find((each) => each.name === name);
    return node ? (now.status.radio.is_open ? node_state(node, silent) : ["bad", say("web.no_port")]) : ["dim", say("web.unknown")];
  }
  for (const bus of now.status?.buses ?? []) for (const device of bus.devices) if (device.sensor === place.name) return device_state(bus, device);
  return ["dim", say("web.unknown")];
}

/** Metres of the places and of the gateway to points of the picture. */
function scaled() {
  const all = [[0, 0], ...data.plan.map.map((place) => [place.east_m, place.north_m])];
  const [low, high] = [Math.min, Math.max].map((end) => [0, 1].map((axis) => end(...all.map((point) => point[axis]))));
  const span_m = Math.max(high[0] - low[0], high[1] - low[1], 1);
  const per_m = (SIDE - 2 * EDGE) / span_m;
  const height = Math.max((high[1] - low[1]) * per_m + 2 * EDGE, 120);
  const at = ([east_m, north_m]) => [SIDE / 2 + (east_m - (low[0] + high[0]) / 2) * per_m, height / 2 - (north_m - (low[1] + high[1]) / 2) * per_m];
  return { points: all.map(at), per_m, height };
}

/** Marks that would hide each other step aside, in the order of the list; a line leads to where they belong. */
function apart(points) {
  const put = [];
  for (const [x, y] of points) {
    let found = [x, y];
    for (let step = 1; put.some(([left, top]) => Math.hypot(found[0] - left, found[1] - top) < CLOSE) && step < 60; step++) {
      const [angle, away] = [step * 2.4, CLOSE * 0.45 * Math.sqrt(step) + 6]; // a sunflower's turn: no two alike
      found = [Math.min(Math.max(x + away * Math.cos(angle), 12), SIDE - 12), y + away * Math.sin(angle)];
    }
    put.push(found);
  }
  return put;
}

function picture(states) {
  const { points, per_m, height } = scaled();
  const marks = apart(points);
  const top = Math.min(0, ...marks.map(([, y]) => y - 14));
  const bottom = Math.max(height, ...marks.map(([, y]) => y + 14)) + 34;
  const names = new Map(data.plan.map.map((place, at) => [place.name, at + 1]));
  const links = data.plan.map.map((place, at) => {
    const from = marks[place.node === null ? 0 : names.get(place.node) ?? 0];
    return s("path", { class: `wire${place.is_node ? " air" : ""}`, d: `M${from.join(" ")}L${marks[at + 1].join(" ")}` });
  });
  const leads = marks.map(([x, y], at) => (Math.hypot(x - points[at][0], y - points[at][1]) > 1 ? s("path", { class: "lead", d: `M${points[at].join(" ")}L${x} ${y}` }) : null));
  const drawn = marks.slice(1).map(([x, y], at) => s("g", {}, s("title", {}, `${data.plan.map[at].name}: ${states[at][1]}`),
    s("circle", { cx: x, cy: y, r: 11, class: states[at][0] }), s("text", { x, y: y + 4, class: "mark" }, at + 1)));
  const [gx, gy] = marks[0];
  return s("svg", { class: "sketch", viewBox: `0 ${top} ${SIDE} ${bottom - top}`, width: SIDE, height: bottom - top, role: "img", "aria-label": say("web.map_of") },
    links, leads, s("rect", { x: gx - 10, y: gy - 10, width: 20, height: 20, rx: 3, class: "hub" }), s("text", { x: gx, y: gy + 5, class: "middle" }, "G"), drawn,
    north(SIDE - 16, top + 8), ruler(per_m, bottom - 10));
}

const north = (x, y) => s("g", {}, s("path", { class: "arrow", d: `M${x} ${y}l6 18l-6 -4l-6 4z` }), s("text", { x, y: y + 32, class: "middle" }, say("web.wind_n")));

/** A length of 1, 2 or 5 that fits. */
function ruler(per_m, y) {
  const most_m = (SIDE * 0.4) / per_m;
  const power = 10 ** Math.floor(Math.log10(most_m));
  const metres = [5, 2, 1].find((each) => each * power <= most_m) * power;
  const end = 12 + metres * per_m;
  return s("g", {}, s("path", { class: "wire", d: `M12 ${y - 6}v6H${end}v-6` }), s("text", { x: end + 8, y }, length(metres)));
}

export function length(metres) {
  if (metres >= 10e3) return say("web.km", { n: Math.round(metres / 1e3) });
  if (metres >= 1e3) return say("web.km", { n: Number((metres / 1e3).toFixed(1)) });
  return say("web.m", { n: metres < 10 ? Number(metres.toFixed(1)) : Math.round(metres) });
}

function legend(states) {
  const rows = data.plan.map.map((place, at) => {
    const metres = Math.hypot(place.east_m, place.north_m);
    const wind = WINDS[Math.round(Math.atan2(place.east_m, place.north_m) / (Math.PI / 4) + 8) % 8];
    const where = metres < 1 ? say("web.at_gateway") : `${length(metres)} ${say(`web.${wind}`)}`;
    return h("li", {}, h("span", { class: `number ${states[at][0]}` }, at + 1), h("span", {}, h("b", {}, place.name), " ", h("small", {}, where)), h("span", { class: `state ${states[at][0]}` }, states[at][1]));
  });
  return h("ol", { class: "legend" }, h("li", {}, h("span", { class: "number hub" }, "G"), h("b", {}, say("web.gateway"))), rows);
}
