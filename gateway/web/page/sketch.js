// Knows how a station is sketched: uplinks above, the gateway, below it each bus and the radio with what hangs on them.
// On a phone all hangs on one trunk at the left.

import { one, s, show } from "./dom.js";
import { data, say } from "./words.js";
import { KINDS, device_state, node_state } from "./tables.js";

const BOX = { width: 190, height: 40, gap: 10 };
const TALLEST = 4;
const MARKS = { good: "✓", look: "!", bad: "✕", dim: "·" };

export function show_sketch(now) {
  const narrow = matchMedia("(max-width: 640px)").matches;
  const groups = [...buses(now.status), ...radio(now)];
  const ups = uplinks(now.status);
  show(one("#sketch .body"), [narrow, groups, ups, !!now.status], () => (narrow ? tall(groups, ups, now) : wide(groups, ups, now)));
}

const unknown = () => ["dim", say("web.unknown")];

function buses(status) {
  const known = new Map((status?.buses ?? []).map((bus) => [bus.bus, bus]));
  return data.plan.buses.map((plan) => {
    const bus = known.get(plan.id);
    const items = bus ? bus.devices.map((device) => [device.sensor, ...device_state(bus, device)]) : plan.sensors.map((sensor) => [sensor, ...unknown()]);
    return { name: plan.id, kind: say("web.bus"), state: !bus ? "dim" : bus.is_open ? "good" : "bad", items, air: false };
  });
}

function radio(now) {
  if (!data.plan.nodes.length) return [];
  const found = now.status?.radio;
  const silent = new Set(now.conditions.filter((condition) => condition.key.startsWith("node ")).map((condition) => condition.values.node));
  const known = new Map((found?.nodes ?? []).map((node) => [node.name, node]));
  const items = data.plan.nodes.map((plan) => {
    const node = known.get(plan.name);
    return [plan.name, ...(node ? node_state(node, silent.has(plan.name)) : unknown())];
  });
  return [{ name: say("web.radio"), kind: say("web.nodes"), state: !found ? "dim" : found.is_open ? "good" : "bad", items, air: true }];
}

function uplinks(status) {
  const known = new Map((status?.uplinks ?? []).map((uplink) => [uplink.uplink, uplink]));
  return data.plan.uplinks.map((plan) => {
    const uplink = known.get(plan.id);
    const [kind, words] = !uplink ? unknown() : uplink.is_connected ? ["good", say("web.connected")] : ["bad", say("web.down")];
    return [plan.id, kind, `${KINDS[plan.kind] ?? plan.kind} · ${words}`];
  });
}

const text = (x, y, words, kind = "") => s("text", { x, y, class: kind }, words);

const pen = document.createElement("canvas").getContext("2d");

/** As much of it as fits. */
function cut(words, width, size) {
  pen.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  const fits = (text) => pen.measureText(text).width <= width;
  if (fits(words)) return words;
  const characters = [...words];
  while (characters.length && !fits(`${characters.join("")}…`)) characters.pop();
  return `${characters.join("")}…`;
}

function box(x, y, [name, kind, words], width = BOX.width) {
  return s("g", {}, s("title", {}, `${name}: ${words}`), s("rect", { x, y, width, height: BOX.height, rx: 8, class: kind }),
    s("circle", { cx: x + 18, cy: y + BOX.height / 2, r: 9, class: kind }), text(x + 18, y + BOX.height / 2 + 4, MARKS[kind], "mark"),
    text(x + 36, y + 17, cut(name, width - 44, 14)), text(x + 36, y + 33, cut(words, width - 44, 12), "soft"));
}

function hub(x, y, width, now) {
  const plan = data.plan;
  const place = `${Math.abs(plan.latitude).toFixed(4)}° ${plan.latitude < 0 ? "S" : "N"}  ${Math.abs(plan.longitude).toFixed(4)}° ${plan.longitude < 0 ? "W" : "E"} · ${say("web.altitude", { altitude: plan.altitude_m })}`;
  return s("g", {}, s("rect", { x, y, width, height: 56, rx: 10, class: now.status ? "hub" : "bad" }),
    text(x + 14, y + 23, `${say("web.gateway")} · ${plan.id}`, "big"), text(x + 14, y + 43, place, "soft"));
}

function drawing(width, height, parts) {
  return s("svg", { class: "sketch", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": say("web.sketch_of") }, parts);
}

/** A long group in columns side by side; only the first has its name. */
function columns_of(groups) {
  return groups.flatMap((group) => {
    const parts = [];
    for (let at = 0; at < Math.max(group.items.length, 1); at += TALLEST) parts.push({ ...group, is_first: at === 0, items: group.items.slice(at, at + TALLEST) });
    return parts;
  });
}

function wide(all, ups, now) {
  const groups = columns_of(all);
  const columns = Math.max(groups.length, ups.length, 1);
  const step = BOX.width + 26;
  const width = Math.max(columns * step, 360);
  const centre = width / 2;
  const parts = [];
  const at = (index, of) => centre - (of * step) / 2 + index * step + 13;
  const hub_y = ups.length ? BOX.height + 50 : 4;
  const line = (d, air) => s("path", { class: `wire${air ? " air" : ""}`, d });
  ups.forEach((up, index) => {
    const x = at(index, ups.length);
    parts.push(line(`M${x + BOX.width / 2} ${BOX.height + 2}V${BOX.height + 25}H${centre}V${hub_y}`), box(x, 2, up));
  });
  const below = hub_y + 56;
  let height = below + 10;
  groups.forEach((group, index) => {
    const x = at(index, groups.length);
    const top = below + 44;
    parts.push(line(`M${centre} ${below}V${below + 16}H${x + 12}V${top + 6}`), text(x + 22, top - 8, group.is_first ? `${group.kind} ${group.air ? "" : group.name}` : "", "big"));
    group.items.forEach((item, row) => {
      const y = top + 8 + row * (BOX.height + BOX.gap);
      parts.push(line(`M${x + 12} ${row ? y - BOX.height / 2 - BOX.gap : top}V${y + BOX.height / 2}H${x + 26}`, group.air), box(x + 26, y, item, BOX.width - 14));
      height = Math.max(height, y + BOX.height + 4);
    });
  });
  parts.push(hub(centre - 165, hub_y, 330, now));
  return drawing(width, height, parts);
}

function tall(groups, ups, now) {
  const width = 358;
  const parts = [];
  const line = (d, air) => s("path", { class: `wire${air ? " air" : ""}`, d });
  let y = 2;
  for (const up of ups) {
    parts.push(line(`M14 ${y + BOX.height / 2}H40M14 ${y + BOX.height / 2}V${y + BOX.height + BOX.gap}`), box(40, y, up, width - 42));
    y += BOX.height + BOX.gap;
  }
  parts.push(hub(2, y, width - 4, now));
  y += 56;
  for (const group of groups) {
    parts.push(line(`M14 ${y}V${y + 34}`), text(26, y + 26, `${group.kind} ${group.air ? "" : group.name}`, "big"));
    y += 34;
    for (const item of group.items) {
      parts.push(line(`M14 ${y}V${y + BOX.height / 2}H40`, group.air), line(`M14 ${y + BOX.height / 2}V${y + BOX.height + BOX.gap}`, group.air), box(40, y, item, width - 42));
      y += BOX.height + BOX.gap;
    }
  }
  return drawing(width, y, parts);
}
