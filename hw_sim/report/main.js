// Knows how the page comes to life: data into rows, buttons to the view, one painting for each frame.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
function say(key, values = {}) {
  return fill(data.texts[key], values);
}

const chart = byId("chart"), stack = byId("stack"), axis = byId("axis"), overview = byId("overview"), tip = byId("tip");
const cursorLine = byId("cursor"), windowText = byId("window"), spoken = byId("spoken"), zone = byId("zone"), fit = byId("fit");
const page = {
  run: { begin: data.begin, end: data.end },
  from: data.begin, to: data.end, cursor: null, fit: true, gutter: 52, font: "sans-serif", ticks: [],
  offset: 0,
  faults: data.faults.map(([kind, detail, begin, end]) => ({ kind, detail, begin, end })).sort((a, b) => a.begin - b.begin),
  listed: data.faults.map(([, , begin, end]) => ({ begin, end })),
  colours: new Map(),
  colour: (name) => page.colours.get(name) || page.learn(name),
  learn(name) {
    const found = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    page.colours.set(name, found);
    return found;
  },
  flagText(flags) {
    const names = [];
    let rest = flags;
    for (const [bit, name] of data.flags) {
      if (Math.floor(flags / bit) % 2) {
        names.push(name);
        rest -= bit;
      }
    }
    if (rest) names.push(say("unknown_flag", { bits: rest }));
    return names.join(", ");
  },
};

// ------------------------------------------------------------------------------------------------------- the strips
const seen = new Set(); // rows on the screen
const rows = new Map(); // canvas -> row
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) seen.add(entry.target);
    else seen.delete(entry.target);
  }
  changed();
}, { rootMargin: "150px" });

const channelRows = data.channels.map(() => null);
const systemRows = [];
function add(row, before) {
  rows.set(row.canvas, row);
  stack.insertBefore(row.element, before);
  watcher.observe(row.canvas);
  return row;
}
add(faultsRow(page), cursorLine);
if (data.battery.length) systemRows.push(add(linesRow(page, say("battery"), "V", data.battery), cursorLine));
if (data.backlog.length) systemRows.push(add(lanesRow(page, say("backlog"), data.backlog, Infinity), cursorLine));
if (data.link.length) systemRows.push(add(lanesRow(page, say("link"), data.link, 1), cursorLine));

function showChannels() {
  let count = 0;
  for (const box of all("[data-channel]")) {
    const index = Number(box.dataset.channel);
    if (box.checked && !channelRows[index]) {
      const after = channelRows.slice(index + 1).find((row) => row) || systemRows[0];
      channelRows[index] = add(channelRow(page, data.channels[index]), after ? after.element : cursorLine);
    } else if (!box.checked && channelRows[index]) {
      const { canvas, element } = channelRows[index];
      watcher.unobserve(canvas);
      rows.delete(canvas);
      seen.delete(canvas);
      element.remove();
      channelRows[index] = null;
    }
    count += box.checked;
  }
  byId("shown").textContent = say("shown", { shown: count, all: data.channels.length });
  changed();
}

// ------------------------------------------------------------------------------------------------------ one painting
let due = false;
function changed() {
  if (due) return;
  due = true;
  requestAnimationFrame(paint);
}

function paint(everything = false) {
  due = false;
  const style = getComputedStyle(document.documentElement);
  page.gutter = parseFloat(style.getPropertyValue("--gutter"));
  page.font = getComputedStyle(document.body).fontFamily;
  const wide = Math.max(1, axis.clientWidth - page.gutter - 8);
  const { step, ticks } = timeTicks(page.from, page.to, ((page.to - page.from) / wide) * 50, page.offset);
  page.ticks = ticks;
  chart.dataset.from = String(Math.round(page.from));
  chart.dataset.to = String(Math.round(page.to));
  for (const [canvas, row] of rows) {
    if (everything !== true && !seen.has(canvas)) continue;
    row.paint();
    row.read(page.cursor);
  }
  paintAxis(step);
  paintOverview();
  const precise = page.to - page.from < HOUR;
  windowText.textContent = page.cursor === null
    ? [page.from, page.to].map((t) => timeText(t, page.offset, precise).slice(5)).join(" – ")
    : timeText(page.cursor, page.offset, precise);
  const inside = page.cursor !== null && page.cursor >= page.from && page.cursor <= page.to;
  cursorLine.hidden = !inside;
  if (inside) {
    const at = axis.getBoundingClientRect().left - stack.getBoundingClientRect().left + page.gutter;
    cursorLine.style.left = `${at + ((page.cursor - page.from) / (page.to - page.from)) * wide}px`;
  }
}

function paintAxis(step) {
  const plot = plotOn(axis, page, page.colour, 0, 0);
  const { g, x, left, right, bottom, colour } = plot;
  g.textBaseline = "middle";
  g.textAlign = "center";
  for (const t of page.ticks) {
    const { day, clock, seconds } = timeParts(t, page.offset);
    const newDay = clock === "00:00" && seconds === "00";
    const text = newDay ? day : step < MINUTE ? `${clock}:${seconds}` : clock;
    g.fillStyle = newDay ? colour("--ink") : colour("--soft");
    g.fillText(text, Math.min(right - 16, Math.max(16, x(t))), bottom / 2 - 2);
    g.strokeStyle = colour("--soft");
    g.lineWidth = 1;
    line(g, Math.round(x(t)) + 0.5, bottom - 5, Math.round(x(t)) + 0.5, bottom);
  }
  if (page.cursor === null || page.cursor < page.from || page.cursor > page.to) return;
  const text = timeText(page.cursor, page.offset, page.to - page.from < HOUR);
  const half = g.measureText(text).width / 2 + 6;
  const at = Math.min(right + 8 - half, Math.max(half, x(page.cursor)));
  g.fillStyle = colour("--ink");
  g.fillRect(at - half, 1, 2 * half, bottom - 6);
  g.fillStyle = colour("--back");
  g.fillText(text, at, bottom / 2 - 2);
}

// Where in the run trouble is: lost at the foot, wrong at the head, flagged between; what is not shown lies in a veil.
const troubles = ["wrong", "flagged", "lost"].map((kind) => [kind, data.channels.map((channel) => marksOf(channel[kind]))]);
function paintOverview() {
  const whole = { ...page, ...page.run, from: page.run.begin, to: page.run.end };
  const plot = plotOn(overview, whole, page.colour, 3, 3);
  const { g, x, left, right, top, bottom, colour } = plot;
  g.fillStyle = colour("--plate");
  g.fillRect(left, top, right - left, bottom - top);
  drawBands(plot, page.faults);
  troubles.forEach(([kind, channels], lane) => {
    g.fillStyle = colour("--" + kind);
    for (const { t, last } of channels) {
      let done = -Infinity;
      for (let i = 0; i < t.length; i++) {
        const from = Math.min(right, Math.max(left, x(t[i]))), to = Math.min(right, Math.max(left, x(last[i])));
        if (to - done < 1) continue;
        done = to;
        g.fillRect(Math.min(from, right - 2), top + 3 + lane * 8, Math.max(2, to - from), 6);
      }
    }
  });
  g.fillStyle = colour("--veil");
  g.fillRect(left, top, x(page.from) - left, bottom - top);
  g.fillRect(x(page.to), top, right - x(page.to), bottom - top);
  g.strokeStyle = colour("--ink");
  g.lineWidth = 1.5;
  g.strokeRect(x(page.from), top - 1.5, Math.max(2, x(page.to) - x(page.from)), bottom - top + 3);
}

// -------------------------------------------------------------------------------------------------- names and values
function hover(canvas, clientX, clientY) {
  const lines = [];
  const row = canvas && rows.get(canvas);
  if (row && page.cursor !== null) {
    const near = ((page.to - page.from) / Math.max(1, canvas.clientWidth - page.gutter)) * 5;
    for (const { kind, detail, begin, end } of page.faults) {
      if (begin > page.cursor + near || (end ?? begin) < page.cursor - near) continue;
      const until = end === null ? "" : ` – ${timeText(end, page.offset)}`;
      lines.push(`${kind}${detail ? ": " + detail : ""}`, `${timeText(begin, page.offset)}${until}`);
    }
    lines.push(...row.marksNear(page.cursor, near));
  }
  tip.hidden = !lines.length;
  if (!lines.length) return;
  tip.replaceChildren(...lines.slice(0, 14).map((text) => make("p", {}, text)));
  const { width, height } = tip.getBoundingClientRect();
  const left = clientX + 14 + width > innerWidth ? clientX - 14 - width : clientX + 14;
  const top = clientY + 14 + height > innerHeight ? clientY - 14 - height : clientY + 14;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, top)}px`;
}

let speaking = 0;
function speak() {
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    const active = page.faults.filter(({ begin, end }) => begin <= page.cursor && page.cursor <= (end ?? begin)).map(({ kind }) => kind);
    const values = [...stack.querySelectorAll("canvas")].map((canvas) => rows.get(canvas).spoken(page.cursor).trim()).filter((text) => text);
    spoken.textContent = [timeText(page.cursor, page.offset), ...active, ...values].join("; ");
  }, 400);
}

// ------------------------------------------------------------------------------------------------------------- hands
const view = handle(page, stack, changed, hover, speak);
view.attach(stack, false);
view.attach(axis, true);
view.attachOverview(overview);
stack.addEventListener("keydown", view.key);

const around = (ms) => {
  const middle = page.cursor ?? (page.from + page.to) / 2;
  view.show(middle - ms / 2, middle + ms / 2);
};
function showFault({ begin, end }) {
  const length = (end ?? begin) - begin, spare = Math.max(length * 0.5, HOUR);
  view.show(begin - spare, begin + length + spare);
  chart.scrollIntoView({ block: "start" });
}
let lastFault = -1;
const actions = {
  in: () => view.zoom(0.5),
  out: () => view.zoom(2),
  earlier: () => view.move((page.from - page.to) / 2),
  later: () => view.move((page.to - page.from) / 2),
  whole: () => view.show(page.run.begin, page.run.end),
  week: () => around(7 * DAY),
  day: () => around(DAY),
  fault: () => {
    if (!page.faults.length) return;
    lastFault = (lastFault + 1) % page.faults.length;
    const { begin, end } = page.faults[lastFault];
    showFault({ begin, end });
  },
};
for (const button of all("[data-do]")) button.addEventListener("click", () => actions[button.dataset.do]());
for (const button of all("[data-fault]")) button.addEventListener("click", () => showFault(page.listed[Number(button.dataset.fault)]));
for (const box of all("[data-channel]")) box.addEventListener("change", showChannels);
for (const button of all("[data-pick]")) {
  button.addEventListener("click", () => {
    for (const box of all("[data-channel]")) {
      const { flagged, lost, wrong } = data.channels[Number(box.dataset.channel)];
      box.checked = { all: true, none: false, marked: flagged[0] + lost[0] + wrong[0] > 0 }[button.dataset.pick];
    }
    showChannels();
  });
}
fit.addEventListener("change", () => {
  page.fit = fit.checked;
  changed();
});

function setZone(minutes) {
  page.offset = minutes * MINUTE;
  zone.value = String(minutes);
  const name = zone.selectedOptions[0].textContent;
  for (const element of all("time[data-ms]")) element.textContent = `${timeText(Number(element.dataset.ms), page.offset)} ${name}`;
  changed();
}
zone.addEventListener("change", () => setZone(Number(zone.value)));

// ------------------------------------------------------------------------------------------------- screens and paper
addEventListener("scroll", () => hover(null), { passive: true });
new ResizeObserver(changed).observe(stack);
function recolour() {
  page.colours.clear();
  changed();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
const closed = [];
addEventListener("beforeprint", () => {
  document.documentElement.classList.add("paper");
  page.colours.clear();
  const faults = byId("faults");
  if (!faults.open) closed.push(faults);
  faults.open = true;
  paint(true);
});
addEventListener("afterprint", () => {
  document.documentElement.classList.remove("paper");
  for (const details of closed.splice(0)) details.open = false;
  recolour();
});

setZone(Number(chart.dataset.zone));
showChannels();
