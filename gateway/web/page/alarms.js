// Knows how alarms look and what a person can say of them; knows not who is logged in.

import { h, one, show } from "./dom.js";
import { ago, clock, data, say } from "./words.js";
import { is_logged_in, post } from "./login.js";

export function words_of(alarm) {
  const values = alarm.values.worth ? { ...alarm.values, worth: say(`quality.${alarm.values.worth}`) } : alarm.values;
  return say(`condition.${alarm.word}`, values);
}

export function show_alarms(alarms) {
  const may = is_logged_in();
  show(one("#alarms .body"), [alarms, may], () => [
    ...alarms.map((alarm) => row(alarm, may)),
    alarms.length ? null : h("p", { class: "note" }, say("web.no_alarms")),
    alarms.length && !may ? h("p", { class: "note" }, say("web.alarms_login")) : null,
  ]);
}

function row(alarm, may) {
  const said = say(`web.${alarm.state}`, { who: alarm.who ?? "", until: alarm.until_ms ? clock(alarm.until_ms) : "" });
  return h("div", { class: `alarm u${alarm.urgency} ${alarm.state}`, "data-key": alarm.key },
    h("div", {}, h("strong", {}, words_of(alarm)),
      h("small", {}, h("b", {}, say(`web.urgency_${alarm.urgency}`)), " · ", said, alarm.since_ms ? [" · ", ago(alarm.since_ms)] : null)),
    may ? verbs(alarm) : null);
}

function verbs(alarm) {
  const button = (verb, act) => h("button", { type: "button", "data-id": `${verb} ${alarm.key}`, "aria-label": `${say(`web.${verb}`)}: ${words_of(alarm)}`, onclick: act }, say(`web.${verb}`));
  const tell = (verb, more = {}) => post(`/alarms/${verb}`, { key: alarm.key, ...more });
  if (alarm.state === "shelved") return h("div", { class: "row" }, button("unshelve", () => tell("unshelve")));
  const hours = h("select", { "aria-label": `${say("web.shelve_for")}: ${words_of(alarm)}`, "data-id": `hours ${alarm.key}` },
    data.shelf_h.map((each) => h("option", { value: each }, each < 48 ? say("web.h", { n: each }) : say("web.d", { n: each / 24 }))));
  return h("div", { class: "row" },
    alarm.state === "unacknowledged" ? button("acknowledge", () => tell("acknowledge")) : null,
    hours, button("shelve", () => tell("shelve", { hours: Number(hours.value) })));
}
