// Knows how alarms and conditions look and what a person can say of an alarm; knows not who is logged in.

import { h, one, show } from "./dom.js";
import { ago, clock, data, say } from "./words.js";
import { post } from "./login.js";

// What a person may say in each state (gateway/process/alarm/states.py), the likeliest first.
const VERBS = {
  unacknowledged: ["acknowledge", "shelve"], returned: ["acknowledge", "shelve"], latched_unacknowledged: ["acknowledge", "shelve"],
  latched_acknowledged: ["reset", "shelve"], acknowledged: ["shelve"], shelved: ["unshelve"], out_of_service: ["return"],
};
const LEVELS = ["red", "orange", "yellow", "blue"];

/** Whether it waits for a person. */
export const calls = (alarm) => ["acknowledge", "reset"].includes((VERBS[alarm.state] ?? [])[0]);

/** Those that are not simply normal: what stands and nobody has seen first, then the graver. */
export function standing(now) {
  const found = (now.status?.alarms ?? []).filter((alarm) => alarm.state !== "normal" || alarm.is_blind);
  const rank = (alarm) => 10 * [alarm.state === "unacknowledged", calls(alarm), alarm.state === "acknowledged", true].indexOf(true) + LEVELS.indexOf(alarm.level);
  return found.sort((a, b) => rank(a) - rank(b));
}

export const title = (alarm) => data.plan.rules[alarm.rule]?.title ?? alarm.rule;

export function words_of(condition) {
  const values = condition.values.worth ? { ...condition.values, worth: say(`quality.${condition.values.worth}`) } : condition.values;
  return say(`condition.${condition.word}`, values);
}

export function show_alarms(now) {
  const alarms = standing(now);
  show(one("#alarms .body"), [alarms, !!now.status], () => alarms.length ? alarms.map(alarm_row)
    : h("p", { class: "note" }, say(!now.status ? "web.unknown" : Object.keys(data.plan.rules).length ? "web.no_alarms" : "web.no_rules")));
  show(one("#conditions .body"), now.conditions, () => now.conditions.length ? now.conditions.map(condition_row) : h("p", { class: "note" }, say("web.no_conditions")));
}

function alarm_row(alarm) {
  const rule = data.plan.rules[alarm.rule];
  const parts = [
    h("b", {}, say(alarm.state === "normal" ? "alarm.no_data" : `alarm.${alarm.state}`)),
    alarm.is_blind && alarm.state !== "normal" ? say("alarm.no_data") : null,
    alarm.shelf_ms ? say("web.until", { until: clock(alarm.shelf_ms) }) : null,
    alarm.since_ms ? ago(alarm.since_ms) : null,
    rule ? h("span", { class: "code" }, rule.when) : null,
    alarm.value === null ? null : say("web.alarm_value", { value: alarm.value }),
  ].filter(Boolean);
  return h("article", { class: `alarm ${alarm.level}${calls(alarm) ? " calls" : ""}`, "data-rule": alarm.rule },
    h("div", {}, h("strong", {}, h("span", { class: "level" }, say(`alarm.${alarm.level}`)), " ", title(alarm)),
      h("small", {}, parts.flatMap((part, at) => (at ? [" · ", part] : [part])))),
    verbs(alarm));
}

function verbs(alarm) {
  const tell = (verb, more = {}) => post("/alarm", { rule: alarm.rule, verb, ...more });
  const button = (verb, act, kind = null) => h("button", { type: "button", class: kind, "data-id": `${verb} ${alarm.rule}`, "aria-label": `${say(`web.${verb}`)}: ${title(alarm)}`, onclick: act }, say(`web.${verb}`));
  return h("div", { class: "row" }, (VERBS[alarm.state] ?? []).map((verb, at) => {
    if (verb !== "shelve") return button(verb, () => tell(verb), at ? null : "main");
    const hours = h("select", { "aria-label": `${say("web.shelve_for")}: ${title(alarm)}`, "data-id": `hours ${alarm.rule}` },
      data.shelf_h.map((each) => h("option", { value: each }, say("web.h", { n: each }))));
    return h("span", { class: "pair" }, hours, button("shelve", () => tell("shelve", { minutes: 60 * Number(hours.value) })));
  }));
}

function condition_row(condition) {
  return h("div", { class: `condition u${condition.urgency}`, "data-key": condition.key },
    h("span", {}, h("b", {}, say(`web.urgency_${condition.urgency}`)), " ", words_of(condition)),
    condition.since_ms ? h("small", {}, ago(condition.since_ms)) : null);
}
