// Knows how what the gateway makes of readings looks: classes, indices, findings, trends; knows not what they mean.

import { h, one, show, state, table } from "./dom.js";
import { ago, data, say } from "./words.js";

export async function fetch_findings() {
  try {
    const answer = await fetch(`/findings?lang=${data.lang.slice(0, 2)}`);
    if (answer.ok) draw(await answer.json());
  } catch {
    // the stream says that the station is gone
  }
}

function draw(found) {
  for (const place of [one("#findings"), one('nav a[href="#findings"]')]) place.hidden = !data.plan.has_findings;
  const row = (made) => [made.what, { wide: h("span", {}, made.kind === "none" ? made.words : state(made.kind, made.words), made.detail ? h("span", { class: "detail below" }, made.detail) : null) },
    say(`web.period_${made.period}`), ago(made.unix_ms)];
  show(one("#findings .body"), found, () => found.length ? table(say("web.findings"), ["finding", "result", "period", "since"].map((key) => say(`web.${key}`)), found.map(row))
    : h("p", { class: "note" }, say("web.no_findings")));
}
