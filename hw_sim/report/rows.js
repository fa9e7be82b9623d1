// Knows what each strip of the page shows: its heading, its canvas, what it reads under the cursor; knows no gesture.
// A row is {element, canvas, paint(), read(t), marksNear(t, ms), spoken(t)}; `page` is what all of them share.

const SERIES = ["--one", "--two", "--three", "--four", "--five", "--six"];
const LANES = 6, LANE = 20, STRIP = 116, STEPS = 34;

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function rowOf(heading, unit, note, height, summary) {
  const canvas = make("canvas", { role: "img", "aria-label": summary });
  canvas.style.height = `${height}px`;
  const name = make("span", { class: "name" }, heading), title = make("h2", {}, name, " ", make("span", {}, unit));
  const label = make("div", { class: "label" }, title);
  if (note) title.append(make("small", {}, note));
  return { canvas, label, element: make("section", { class: "row" }, label, canvas) };
}

const readLine = (label, kind) => {
  const text = make("span", {});
  label.append(make("div", { class: "read" }, make("i", { class: kind }), text));
  return text;
};

function faultsRow(page) {
  const ends = [];
  const room = (page.run.end - page.run.begin) / 12; // a name needs some
  for (const fault of page.faults) {
    let lane = ends.findIndex((end) => end <= fault.begin);
    if (lane < 0) lane = ends.length < LANES ? ends.length : ends.indexOf(Math.min(...ends));
    fault.lane = lane;
    ends[lane] = Math.max(fault.end ?? fault.begin, fault.begin + room);
  }
  const names = page.faults.map((fault) => fault.kind).join(", ");
  const row = rowOf(say("faults"), "", "", 10 + LANE * Math.max(1, ends.length), `${say("faults")}: ${names || say("no_fault")}`);
  return {
    ...row,
    paint() {
      const plot = plotOn(row.canvas, page, page.colour, 0, 0);
      const { g, x, left, right, colour } = plot;
      drawGrid(plot, page.ticks);
      drawBands(plot, page.faults);
      g.textAlign = "left";
      g.textBaseline = "middle";
      if (!page.faults.length) {
        g.fillStyle = colour("--soft");
        g.fillText(say("no_fault"), left + 4, plot.bottom / 2);
      }
      clipped(plot, () => {
        const next = [];
        for (let i = page.faults.length - 1; i >= 0; i--) {
          const { kind, begin, end, lane } = page.faults[i];
          const from = x(begin), to = x(end ?? begin), top = 5 + LANE * lane;
          if (from > right || to < left - 400) {
            next[lane] = from;
            continue;
          }
          g.fillStyle = colour("--band-edge");
          g.fillRect(from - (end === null ? 1.5 : 0), top, Math.max(3, to - from), 3);
          g.fillStyle = colour("--ink");
          const start = Math.max(from, Math.min(left, to)) + 2;
          fitText(g, kind, start, top + 11, Math.min(next[lane] ?? right, right) - start - 4);
          next[lane] = from;
        }
      });
    },
    read() {},
    marksNear: () => [],
    spoken: () => "",
  };
}

function channelRow(page, channel) {
  const truth = curveOf(channel.truth), delivered = curveOf(channel.delivered);
  const marks = {};
  for (const kind of ["flagged", "lost", "wrong"]) marks[kind] = marksOf(channel[kind]);
  const words = (kind, count) => {
    const n = numberText(count, 0);
    return { flagged: say("n_flagged", { n }), lost: say("n_lost", { n }), wrong: say("n_wrong", { n }) }[kind];
  };
  const counts = {};
  for (const kind in marks) counts[kind] = words(kind, marks[kind].total);
  const summary = [channel.quantity, channel.name, ...Object.values(counts)].join(", ");
  const row = rowOf(channel.quantity, channel.unit, channel.name, STRIP, summary);
  const reads = [[truth, readLine(row.label, "truth")], [delivered, readLine(row.label, "delivered")]];
  const sums = make("div", { class: "sums" });
  for (const kind of ["flagged", "lost", "wrong"]) if (marks[kind].total) sums.append(make("span", { class: kind }, counts[kind]));
  row.label.append(sums);

  const bounds = (from, to) => {
    let low = Infinity, high = -Infinity;
    for (const curve of [truth, delivered]) {
      const begin = Math.max(0, indexAt(curve.t, from) - 1), end = Math.min(curve.t.length, indexAt(curve.t, to) + 1);
      for (let i = begin; i < end; i++) {
        if (curve.low[i] < low) low = curve.low[i];
        if (curve.high[i] > high) high = curve.high[i];
      }
    }
    if (low > high) {
      for (const one of [marks.flagged, marks.wrong]) {
        for (const value of one.low) if (value < low) low = value;
        for (const value of one.high) if (value > high) high = value;
      }
    }
    if (low > high) return [0, 1];
    const least = 4 * 10 ** -delivered.decimals, spare = Math.max((high - low) * 0.07, (least - (high - low)) / 2);
    return [low - spare, high + spare];
  };
  const text = (curve, t, brief) => {
    const i = nearest(curve.t, t, Math.max(curve.between, (page.to - page.from) / 400));
    if (i < 0) return "–";
    const mean = numberText(curve.mid[i], curve.decimals);
    if (brief || curve.low[i] === curve.high[i]) return mean;
    return `${mean} (${numberText(curve.low[i], curve.decimals)}…${numberText(curve.high[i], curve.decimals)})`;
  };
  const range = (curve) => {
    let low = Infinity, high = -Infinity;
    for (let i = indexAt(curve.t, page.from), end = indexAt(curve.t, page.to); i < end; i++) {
      low = Math.min(low, curve.low[i]);
      high = Math.max(high, curve.high[i]);
    }
    return low > high ? "–" : `${numberText(low, curve.decimals)} … ${numberText(high, curve.decimals)}`;
  };
  return {
    ...row,
    paint() {
      const plot = plotOn(row.canvas, page, page.colour, 6, 6);
      const [low, high] = page.fit ? bounds(page.from, page.to) : bounds(page.run.begin, page.run.end);
      drawBands({ ...plot, top: 0, bottom: STRIP }, page.faults);
      drawGrid(plot, page.ticks);
      const y = drawValues(plot, low, high);
      clipped(plot, () => {
        drawCurve(plot, truth, y, { stroke: "--truth", band: "--truth-band", width: 3.4, gap: Infinity });
        drawCurve(plot, delivered, y, { stroke: "--delivered", band: "--delivered-band", width: 1.4, dots: 2.2, gap: 2.5 * delivered.between });
      });
      clipped({ ...plot, top: 0, bottom: STRIP }, () => {
        for (const kind of ["lost", "flagged", "wrong"]) drawMarks(plot, marks[kind], y, kind, page.run);
      });
    },
    read(t) {
      for (const [curve, span] of reads) span.textContent = t === null ? range(curve) : text(curve, t, curve === truth);
    },
    marksNear(t, ms) {
      const found = [];
      for (const kind of ["wrong", "flagged", "lost"]) {
        const { t: first, last, readings, flags, low, high, decimals } = marks[kind];
        for (let i = 0; i < first.length && found.length < 6; i++) {
          if (first[i] > t + ms || last[i] < t - ms) continue;
          const value = Number.isNaN(low[i]) ? "" : `: ${numberText(low[i], decimals)}${high[i] > low[i] ? " … " + numberText(high[i], decimals) : ""} ${channel.unit}`;
          const why = kind === "flagged" && flags[i] ? ` (${page.flagText(flags[i])})` : "";
          found.push(words(kind, readings[i]) + value + why);
        }
      }
      return found;
    },
    spoken: (t) => `${channel.quantity}: ${say("truth")} ${text(truth, t, true)}, ${say("delivered")} ${text(delivered, t, true)} ${channel.unit}`,
  };
}

// Several curves over one scale, told apart by colour and dashes: the batteries.
function linesRow(page, heading, unit, series) {
  const curves = series.map(({ name, curve }) => ({ name, curve: curveOf(curve) }));
  const row = rowOf(heading, unit, "", STRIP, `${heading}: ${series.map((one) => one.name).join(", ")}`);
  const reads = curves.map((_, i) => readLine(row.label, `s${i % SERIES.length}`));
  const text = ({ curve }, t) => {
    const i = nearest(curve.t, t, Math.max(curve.between, (page.to - page.from) / 400));
    return i < 0 ? "–" : numberText(curve.mid[i], curve.decimals);
  };
  return {
    ...row,
    paint() {
      const plot = plotOn(row.canvas, page, page.colour, 6, 6);
      let low = Infinity, high = -Infinity;
      for (const { curve } of curves) {
        const begin = page.fit ? Math.max(0, indexAt(curve.t, page.from) - 1) : 0;
        const end = page.fit ? Math.min(curve.t.length, indexAt(curve.t, page.to) + 1) : curve.t.length;
        for (let i = begin; i < end; i++) {
          low = Math.min(low, curve.low[i]);
          high = Math.max(high, curve.high[i]);
        }
      }
      if (low > high) [low, high] = [0, 1];
      const spare = Math.max((high - low) * 0.07, 0.02);
      drawBands({ ...plot, top: 0, bottom: STRIP }, page.faults);
      drawGrid(plot, page.ticks);
      const y = drawValues(plot, low - spare, high + spare);
      clipped(plot, () => {
        curves.forEach(({ curve }, i) => {
          const dash = dashes[Math.floor(i / SERIES.length) % dashes.length];
          drawCurve(plot, curve, y, { stroke: SERIES[i % SERIES.length], width: 1.6, gap: 6 * curve.between, dash });
        });
      });
    },
    read(t) {
      curves.forEach((one, i) => (reads[i].textContent = t === null ? one.name : `${one.name} ${text(one, t)}`));
    },
    marksNear: () => [],
    spoken: (t) => `${heading}: ` + curves.map((one) => `${one.name} ${text(one, t)}`).join(", "),
  };
}

// Things counted, a lane each with a scale of its own. `hold`: how long a count holds, in spacings of its curve.
function lanesRow(page, heading, series, hold) {
  const lanes = series.map(({ name, curve }) => ({ name, curve: curveOf(curve) }));
  for (const lane of lanes) lane.peak = lane.curve.high.reduce((most, value) => Math.max(most, value), 0);
  const height = 6 + STEPS * lanes.length;
  const summary = lanes.map(({ name, peak, curve }) => `${name} ${say("peak", { value: numberText(peak, curve.decimals) })}`);
  const row = rowOf(heading, "", "", height, `${heading}: ${summary.join(", ")}`);
  const reads = lanes.map((_, i) => readLine(row.label, `s${i % SERIES.length}`));
  const text = ({ curve }, t) => {
    const i = indexAt(curve.t, t - curve.half + 1) - 1;
    const at = i < 0 || t - curve.t[i] + curve.half > hold * curve.between ? -1 : i;
    return at < 0 ? "–" : numberText(curve.high[at], curve.decimals);
  };
  return {
    ...row,
    paint() {
      const plot = plotOn(row.canvas, page, page.colour, 0, 0);
      drawBands(plot, page.faults);
      drawGrid(plot, page.ticks);
      lanes.forEach(({ name, curve, peak }, i) => {
        const lane = { ...plot, top: 6 + STEPS * i, bottom: STEPS * (i + 1) };
        const y = (value) => lane.bottom - (value / (peak || 1)) * (lane.bottom - lane.top - 13);
        clipped({ ...lane, bottom: lane.bottom + 1 }, () => drawSteps(lane, curve, y, SERIES[i % SERIES.length], hold * curve.between));
        const { g, colour } = plot;
        g.fillStyle = colour("--soft");
        g.textAlign = "right";
        g.textBaseline = "middle";
        g.fillText(numberText(peak, curve.decimals), plot.left - 5, lane.top + 6);
        g.textAlign = "left";
        g.fillText(name, plot.left + 4, lane.top + 6);
      });
    },
    read(t) {
      lanes.forEach((one, i) => (reads[i].textContent = t === null ? `${one.name} ${say("peak", { value: numberText(one.peak, one.curve.decimals) })}` : `${one.name} ${text(one, t)}`));
    },
    marksNear: () => [],
    spoken: (t) => `${heading}: ` + lanes.map((one) => `${one.name} ${text(one, t)}`).join(", "),
  };
}
