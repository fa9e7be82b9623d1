// Knows how buses, nodes, uplinks, machine and events look as tables; knows no values and no alarms.

import { h, one, show, state, table } from "./dom.js";
import { ago, bytes, clock, count, data, has, say, span } from "./words.js";

export const KINDS = { mqtt: "MQTT", hj212: "HJ 212", sl651: "SL 651", sparkplug: "Sparkplug B", thingsboard: "ThingsBoard" };
const body = (id) => one(`#${id} .body`);
const none = (word = "–") => h("p", { class: "note" }, word);

/** [kind, words] of a polled device. */
export function device_state(bus, device) {
  if (!bus.is_open) return ["bad", say("web.no_port")];
  if (device.missed) return [device.missed > 1 ? "bad" : "look", say("web.silent", { missed: device.missed })];
  if (!device.is_on) return ["dim", say("web.is_off")];
  if (device.answered_unix_ms === null) return ["dim", say("web.not_heard")];
  return bus.is_overloaded ? ["look", say("web.overloaded")] : ["good", say("web.answers")];
}

export function node_state(node, is_silent) {
  if (node.is_foreign) return ["look", say("web.foreign")];
  if (node.heard_unix_ms === null) return ["dim", say("web.not_heard")];
  return is_silent ? ["bad", say("web.misses_reports")] : ["good", say("web.answers")];
}

export function show_tables(now) {
  const status = now.status;
  const silent = new Set(now.conditions.filter((condition) => condition.key.startsWith("node ")).map((condition) => condition.values.node));
  show(body("devices"), status && status.buses, devices);
  show(body("nodes"), status && [status.radio, [...silent]], nodes);
  show(body("uplinks"), status && status.uplinks, uplinks);
  show(body("machine"), status && [status.store, status.is_clock_trusted, Math.floor(status.running_s / 60)], () => machine(status));
}

function devices(buses) {
  const rows = (buses ?? data.plan.buses.map((bus) => ({ bus: bus.id, devices: bus.sensors.map((sensor) => ({ sensor })), is_unknown: true }))).flatMap((bus) =>
    bus.devices.map((device) => [
      device.sensor, bus.bus, device.unit_id ?? "–",
      bus.is_unknown ? state("dim", say("web.unknown")) : h("span", {}, state(...device_state(bus, device)), device.skipped ? h("span", { class: "detail" }, " · ", say("web.skipped", { skipped: count(device.skipped) })) : null),
      ago(device.answered_unix_ms)]));
  return rows.length ? table(say("web.devices"), ["device", "bus", "unit_id", "state", "last_answer"].map((key) => say(`web.${key}`)), rows) : none();
}

function nodes(model) {
  const [radio, silent] = model ?? [null, []];
  const heard = new Map((radio?.nodes ?? []).map((node) => [node.name, node]));
  const rows = data.plan.nodes.map((plan) => {
    const node = heard.get(plan.name);
    if (!node) return [plan.name, state("dim", say("web.unknown")), "–", battery(plan, null, null), "–", "–", "–"];
    const records = node.lacking ? say("web.lacking", { have: count(node.have), lacking: count(node.lacking) }) : count(node.have);
    return [plan.name, state(...(radio.is_open ? node_state(node, silent.includes(node.name)) : ["bad", say("web.no_port")])),
      link(node.rssi_dbm), battery(plan, node.battery_mv, node.battery_unix_ms), records, count(node.commands), ago(node.heard_unix_ms)];
  });
  return rows.length ? table(say("web.nodes"), ["node", "state", "link", "battery", "records", "orders", "heard"].map((key) => say(`web.${key}`)), rows) : none();
}

/** Its tier is reckoned by the voltages at which a warm node falls into one (gateway/site/slice.py): in the cold it saves
 * earlier, and after a fall longer. */
function battery(plan, mv, unix_ms) {
  if (!plan.battery) return "–";
  const kind = say(`web.${plan.battery}`);
  if (mv === null) return say("web.battery_untold", { kind });
  const tier = plan.falls_mv.filter((fall) => mv < fall).length;
  const words = `${(mv / 1000).toFixed(1)} V` + (tier ? ` · ${say(`web.tier_${tier}`)}` : "");
  return h("span", {}, state(["good", "look", "bad", "bad"][tier], words), h("span", { class: "detail below" }, kind, ", ", ago(unix_ms)));
}

/** E22 manual, 2.1: it hears down to -124 dBm at its slowest; ours: 15 dB above that is little. */
function link(rssi_dbm) {
  if (rssi_dbm === null) return "–";
  return state(rssi_dbm < -109 ? "look" : "good", `${rssi_dbm} dBm`);
}

function uplinks(found) {
  const rows = (found ?? data.plan.uplinks.map((uplink) => ({ uplink: uplink.id, is_unknown: true }))).map((uplink) => {
    if (uplink.is_unknown) return [uplink.uplink, state("dim", say("web.unknown")), "–", "–", "–"];
    const waits = Object.entries(uplink.waits ?? {}).filter(([, left]) => left !== null).map(([kind, left]) => `${say(`web.waits_${kind}`)} ${left_words(kind, left)}`).join(", ");
    return [uplink.uplink,
      { wide: h("span", {}, state(uplink.is_connected ? "good" : "bad", say(uplink.is_connected ? "web.connected" : "web.down")),
        !uplink.is_connected && uplink.trouble ? h("span", { class: "detail" }, " ", uplink.trouble) : null,
        waits ? h("span", { class: "detail below" }, say("web.channel_waits"), ": ", waits) : null) },
      count(uplink.waiting_rows), count(uplink.confirmed_rows), bytes(uplink.used_bytes)];
  });
  return rows.length ? table(say("web.uplinks"), ["uplink", "state", "waiting", "confirmed", "used"].map((key) => say(`web.${key}`)), rows) : none();
}

/** Of what waits a time, a span or a number, by its name's end. */
function left_words(kind, left) {
  if (kind === "oldest_ms") return clock(left);
  if (kind.endsWith("_ms")) return span(left / 1000);
  return typeof left === "number" ? count(left) : say(`web.waits_${left}`);
}

function machine(status) {
  if (!status) return none(say("web.unknown"));
  const store = status.store;
  const kind = !store.is_open ? ["bad", say("web.store_closed")] : store.is_full ? ["bad", say("web.store_full")] : ["good", say("web.store_open")];
  const facts = [
    ["clock", status.is_clock_trusted ? state("good", say("web.clock_trusted")) : state("look", say("web.clock_guess"))],
    ["store_size", h("span", {}, state(...kind), " · ", bytes(store.size_bytes))],
    ["disk_free", bytes(store.free_bytes)],
    ["row", count(store.last_seq)],
    ["disk_wait", count(store.waiting)],
    ["running", span(status.running_s)],
  ];
  return h("dl", {}, facts.map(([key, value]) => h("div", {}, h("dt", {}, say(`web.${key}`)), h("dd", {}, value))));
}

export function show_events(events) {
  show(body("events"), events, () =>
    events.length ? table(say("web.events"), ["time", "event", "detail"].map((key) => say(`web.${key}`)), events.map(event)) : none(say("web.no_events")));
}

function event(one) {
  const name = has(`event.${one.kind}`) ? say(`event.${one.kind}`) : one.kind;
  return [ago(one.unix_ms), name, { wide: h("span", { class: "detail" }, detail(one.detail)) }];
}

function detail(text) {
  try {
    return Object.entries(JSON.parse(text)).map(([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join(" · ");
  } catch {
    return text;
  }
}
