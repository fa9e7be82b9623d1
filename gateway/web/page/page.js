// Knows which parts the page has and where its news come from; knows not how a part looks.

import { h, one, show } from "./dom.js";
import { ago, data, say, set_now, tick } from "./words.js";
import { calls, show_alarms, standing, title, words_of } from "./alarms.js";
import { begin_download } from "./download.js";
import { begin_login } from "./login.js";
import { begin_maintenance, show_maintenance } from "./maintenance.js";
import { show_sketch } from "./sketch.js";
import { show_events, show_tables } from "./tables.js";
import { show_map } from "./map.js";
import { begin_theme } from "./theme.js";
import { fetch_findings } from "./findings.js";
import { fetch_history, show_values } from "./values.js";

const HISTORY_MS = 120e3;
const SILENT_MS = 45e3; // the station says something every 20 s (gateway/web/server.py)
let now = null;
let is_lost = false;
let older = [];

function draw() {
  if (!now) return verdict();
  verdict();
  show_alarms(now);
  show_maintenance(now);
  show_values(now.status ? now.status.channels : now.stored, !!now.status && !is_lost, now.status?.services ?? []);
  show_map(now);
  show_sketch(now);
  show_tables(now);
  show_events([...newest(), ...older]);
}

/** The state's events have no ids: those of the store are older, or the same. */
function newest() {
  const from = older.length ? older[0].unix_ms : -1;
  const same = new Set(older.map((event) => `${event.unix_ms} ${event.kind} ${event.detail}`));
  return (now.status?.events ?? []).filter((event) => event.unix_ms >= from && !same.has(`${event.unix_ms} ${event.kind} ${event.detail}`));
}

function verdict() {
  const place = one("#verdict");
  const open = now ? standing(now).filter(calls) : [];
  const urgent = now ? now.conditions.filter((condition) => condition.urgency === 1) : [];
  const [kind, words, more] = is_lost ? ["bad", say("web.no_page"), []] : !now ? ["asking", say("web.starting"), []] : !now.status ? no_gateway() : judged(open, urgent);
  place.className = `verdict ${kind}`;
  show(one("#verdict > div"), [kind, words, more.map(String), now && now.last_row], () => [h("strong", {}, words), h("p", {}, more)]);
  document.title = `${open.length + urgent.length ? `(${open.length + urgent.length}) ` : ""}${data.plan.name}`;
}

function no_gateway() {
  const stored = now.trouble ? [say("web.no_store", { reason: now.trouble })] : now.last_row ? [say("web.last_row", { seq: now.last_row[0] }), " ", ago(now.last_row[1]), ". "] : [];
  return ["bad", say("web.no_gateway"), [...stored, say("web.no_gateway_do")]];
}

function judged(open, urgent) {
  const conditions = now.conditions;
  if (!open.length && !conditions.length) return ["good", say("web.well"), []];
  const is_grave = urgent.length || open.some((alarm) => ["red", "orange"].includes(alarm.level));
  const words = [open.length ? say("web.count_alarms", { count: open.length }) : null, conditions.length ? say("web.count_conditions", { count: conditions.length }) : null];
  return [is_grave ? "bad" : "look", words.filter(Boolean).join(" · "), [open.length ? title(open[0]) : words_of(conditions[0])]];
}

let stream = null;
let heard_ms = 0;

function listen() {
  stream?.close();
  stream = new EventSource("/live");
  heard_ms = Date.now();
  stream.onmessage = (event) => {
    heard_ms = Date.now();
    const is_first = !now;
    now = JSON.parse(event.data);
    is_lost = false;
    set_now(now.unix_ms);
    if (is_first && !now.status) fetch_older();
    draw();
  };
  stream.onerror = () => {
    is_lost = true;
    draw();
  };
}

/** A device that slept, or a Wi-Fi that went, leaves a stream that never ends and says no more; one that was refused is
 * not tried again by the browser. */
function watch() {
  const is_over = stream.readyState === EventSource.CLOSED;
  if (Date.now() - heard_ms < (is_over ? 5e3 : SILENT_MS)) return;
  is_lost = true;
  draw();
  listen();
}

async function fetch_older() {
  const before = older.length ? `?before=${older.at(-1).id}` : "";
  try {
    const answer = await fetch(`/events${before}`);
    if (!answer.ok) return;
    const found = await answer.json();
    older = [...older, ...found];
    one("#older").hidden = found.length < 100;
    draw();
  } catch {
    // the stream says that the station is gone
  }
}

const plan = data.plan;
one("#place").textContent = `${plan.id} · ${say("web.altitude", { altitude: plan.altitude_m })}`;
for (const [id, has] of [["nodes", plan.nodes.length], ["devices", plan.buses.length], ["uplinks", plan.uplinks.length]]) {
  one(`#${id}`).hidden = !has;
  one(`nav a[href="#${id}"]`).hidden = !has;
}
one("#older").addEventListener("click", fetch_older);
matchMedia("(max-width: 640px)").addEventListener("change", draw);
begin_theme();
begin_login(draw);
begin_maintenance();
begin_download();
listen();
for (const fetch_anew of [fetch_history, fetch_findings]) {
  fetch_anew();
  setInterval(fetch_anew, HISTORY_MS);
}
setInterval(() => {
  tick();
  watch();
}, 1000);
document.addEventListener("visibilitychange", () => document.hidden || watch());
