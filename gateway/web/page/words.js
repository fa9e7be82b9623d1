// Knows the page's words, spans and times; knows no element but <time>.

import { h } from "./dom.js";

export const data = JSON.parse(document.getElementById("data").textContent);
const words = data.words;
export const has = (key) => key in words;
export const say = (key, values = {}) => (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
export const quantity = (name) => words[`quantity.${name}`] ?? name;

const KINDS = { 1: "soft", 2: "soft", 3: "look", 4: "bad", 9: "bad" }; // by QARTOD's numbers (protocols/worth.py)

/** [kind, words] of a reading's worth, the gravest first; no words: it is good. */
export function worth(quality) {
  const known = data.flags.filter(([bit]) => quality & bit);
  const rest = known.reduce((left, [bit]) => left & ~bit, quality);
  const names = known.map(([, name]) => say(`quality.${name}`));
  return [known.length ? KINDS[known[0][2]] : rest ? "look" : "good", (rest ? [...names, `0x${rest.toString(16)}`] : names).join(", ")];
}

const UNITS = [["d", 86400], ["h", 3600], ["min", 60]];

export function span(seconds) {
  for (const [unit, size] of UNITS) if (seconds >= 2 * size) return say(`web.${unit}`, { n: Math.floor(seconds / size) });
  return say("web.s", { n: Math.max(0, Math.floor(seconds)) });
}

export function clock(unix_ms) {
  const is_today = new Date(unix_ms).toDateString() === new Date(now_ms()).toDateString();
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Date(unix_ms).toLocaleString(data.lang, is_today ? time : { ...time, month: "2-digit", day: "2-digit" });
}

let ahead_ms = 0; // how far the gateway's clock is ahead of this device's, which nobody has set

export function set_now(unix_ms) {
  ahead_ms = unix_ms - Date.now();
}

export const now_ms = () => Date.now() + ahead_ms;

/** "3 min ago", which stays true. */
export function ago(unix_ms) {
  if (unix_ms === null || unix_ms === undefined) return h("span", {}, "–");
  return h("time", { "data-ms": unix_ms, datetime: new Date(unix_ms).toISOString(), title: new Date(unix_ms).toLocaleString(data.lang) }, ago_words(unix_ms));
}

function ago_words(unix_ms) {
  const seconds = (now_ms() - unix_ms) / 1000;
  return seconds < 5 ? say("web.just_now") : say("web.ago", { span: span(seconds) });
}

export function tick() {
  for (const time of document.querySelectorAll("time[data-ms]")) {
    const words = ago_words(Number(time.dataset.ms));
    if (time.textContent !== words) time.textContent = words;
  }
}

export const count = (number) => (number === null || number === undefined ? "–" : number.toLocaleString(data.lang));

export function bytes(size) {
  if (size === null || size === undefined) return "–";
  for (const [unit, step] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) if (size >= step) return `${(size / step).toFixed(1)} ${unit}`;
  return `${size} B`;
}
