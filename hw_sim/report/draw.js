// Knows how one strip of the time axis is painted on a canvas; knows neither the page around it nor who moves it.
// A plot is {g, left, right, top, bottom, from, to, x(t), colour(name)}.

const dashes = [[], [6, 3], [2, 2], [8, 2, 2, 2]];
const LOST_HEIGHT = 8;

function plotOn(canvas, view, colour, top, bottom) {
  const width = canvas.clientWidth, height = canvas.clientHeight, ratio = window.devicePixelRatio || 1;
  const wide = Math.round(width * ratio), high = Math.round(height * ratio);
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  g.font = `11px ${view.font}`;
  g.lineJoin = "round";
  const left = view.gutter, right = width - 8;
  const scale = (right - left) / (view.to - view.from);
  return { g, left, right, top, bottom: height - bottom, from: view.from, to: view.to, colour, x: (t) => left + (t - view.from) * scale };
}

function clipped(plot, paint) {
  const { g, left, right, top, bottom } = plot;
  g.save();
  g.beginPath();
  g.rect(left, top, right - left, bottom - top);
  g.clip();
  paint();
  g.restore();
}

// Faults behind everything; one that lasts no time is a dashed line.
function drawBands(plot, faults) {
  const { g, x, top, bottom, from, to, colour } = plot;
  clipped(plot, () => {
    for (const { begin, end } of faults) {
      if (begin > to || (end ?? begin) < from) continue;
      if (end === null) {
        g.strokeStyle = colour("--band-edge");
        g.setLineDash([3, 3]);
        g.lineWidth = 1;
        line(g, x(begin), top, x(begin), bottom);
        g.setLineDash([]);
      } else {
        g.fillStyle = colour("--band");
        g.fillRect(x(begin), top, Math.max(1.5, x(end) - x(begin)), bottom - top);
      }
    }
  });
}

function line(g, x1, y1, x2, y2) {
  g.beginPath();
  g.moveTo(x1, y1);
  g.lineTo(x2, y2);
  g.stroke();
}

function drawGrid(plot, ticks) {
  const { g, x, top, bottom, colour } = plot;
  g.strokeStyle = colour("--grid");
  g.lineWidth = 1;
  for (const t of ticks) line(g, Math.round(x(t)) + 0.5, top, Math.round(x(t)) + 0.5, bottom);
}

// The scale of a strip at its left edge. Returns y(value).
function drawValues(plot, low, high) {
  const { g, left, right, top, bottom, colour } = plot;
  const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
  const { ticks, decimals } = valueTicks(low, high, Math.max(2, (bottom - top) / 20));
  g.textAlign = "right";
  g.textBaseline = "middle";
  for (const value of ticks) {
    g.strokeStyle = colour("--grid");
    line(g, left, Math.round(y(value)) + 0.5, right, Math.round(y(value)) + 0.5);
    g.fillStyle = colour("--soft");
    g.fillText(numberText(value, decimals), left - 5, Math.min(bottom - 5, Math.max(top + 5, y(value))));
  }
  return y;
}

// Columns no narrower than a pixel: [{x, t, low, mid, high, first: whether a gap lies before it}]
function columns(plot, curve, gap) {
  const { t, low, mid, high } = curve;
  const begin = Math.max(0, indexAt(t, plot.from) - 1), end = Math.min(t.length, indexAt(t, plot.to) + 1);
  const out = [];
  let column = null, key = NaN;
  for (let i = begin; i < end; i++) {
    const x = plot.x(t[i]), here = Math.round(x), gapBefore = i === begin || t[i] - t[i - 1] > gap;
    if (here === key && !gapBefore) {
      column.low = Math.min(column.low, low[i]);
      column.high = Math.max(column.high, high[i]);
      column.sum += mid[i];
      column.count++;
    } else {
      column = { x, low: low[i], high: high[i], sum: mid[i], count: 1, first: gapBefore };
      out.push(column);
      key = here;
    }
  }
  return out;
}

function drawCurve(plot, curve, y, { stroke, band, width, dots, gap, dash }) {
  const { g, colour } = plot;
  const all = columns(plot, curve, gap);
  const crowded = all.length > 1 && (all[all.length - 1].x - all[0].x) / all.length < 7;
  for (let start = 0; start < all.length; ) {
    let end = start + 1;
    while (end < all.length && !all[end].first) end++;
    const part = all.slice(start, end);
    if (band) {
      g.fillStyle = colour(band);
      g.beginPath();
      for (const c of part) g.lineTo(c.x, y(c.high));
      for (const c of part.reverse()) g.lineTo(c.x, y(c.low));
      g.fill();
      part.reverse();
    }
    g.strokeStyle = g.fillStyle = colour(stroke);
    g.lineWidth = width;
    g.setLineDash(dash || []);
    g.beginPath();
    for (const c of part) g.lineTo(c.x, y(c.sum / c.count));
    g.stroke();
    g.setLineDash([]);
    if (part.length === 1 || (dots && !crowded)) {
      for (const c of part) {
        g.beginPath();
        g.arc(c.x, y(c.sum / c.count), dots || width, 0, 7);
        g.fill();
      }
    }
    start = end;
  }
}

// Marks that would lie on one another are painted as one. kind: flagged, lost, wrong
function drawMarks(plot, marks, y, kind, run) {
  const { g, x, top, bottom, colour } = plot;
  const paper = colour("--back"), ink = colour("--" + kind);
  const height = { flagged: 4.5, wrong: 4.5, lost: 0 }[kind];
  let lastX = -Infinity, lastY = NaN;
  for (let i = 0; i < marks.t.length; i++) {
    // One whose time lies outside the run stands at the run's edge.
    const at = Math.min(run.end, Math.max(run.begin, marks.t[i]));
    const until = Math.min(run.end, Math.max(run.begin, marks.last[i]));
    if (until < plot.from || at > plot.to) continue;
    const left = x(at), right = x(until);
    if (kind === "lost") {
      if (right - lastX < 1) continue;
      lastX = Math.max(right, left + 2);
      g.fillStyle = ink;
      g.fillRect(left - 1, bottom - LOST_HEIGHT, Math.max(2, right - left), LOST_HEIGHT);
      continue;
    }
    const value = (marks.low[i] + marks.high[i]) / 2;
    const wanted = Number.isNaN(value) ? bottom - height : y(value);
    const mid = Math.min(bottom - height, Math.max(top + height, wanted));
    if (left - lastX < 4 && Math.abs(mid - lastY) < 3) continue;
    lastX = left;
    lastY = mid;
    g.strokeStyle = ink;
    if (marks.readings[i] > 1 && !Number.isNaN(value)) {
      g.lineWidth = 2;
      line(g, (left + right) / 2, Math.min(bottom, y(marks.low[i])), (left + right) / 2, Math.max(top, y(marks.high[i])));
    }
    const centre = (left + right) / 2;
    if (kind === "flagged") diamond(g, centre, mid, paper, ink);
    else cross(g, centre, mid, paper, ink);
    if (wanted !== mid && !Number.isNaN(value)) arrow(g, centre, wanted < mid ? top : bottom, wanted < mid ? 1 : -1, ink);
  }
}

function diamond(g, x, y, paper, ink) {
  g.beginPath();
  for (const [dx, dy] of [[0, -4], [4, 0], [0, 4], [-4, 0]]) g.lineTo(x + dx, y + dy);
  g.closePath();
  g.fillStyle = paper;
  g.fill();
  g.lineWidth = 1.6;
  g.strokeStyle = ink;
  g.stroke();
}

function cross(g, x, y, paper, ink) {
  for (const [width, colour] of [[5.5, paper], [2.6, ink]]) {
    g.lineWidth = width;
    g.strokeStyle = colour;
    line(g, x - 4, y - 4, x + 4, y + 4);
    line(g, x + 4, y - 4, x - 4, y + 4);
  }
}

// Beside a mark that stands at the edge because its value lies beyond it.
function arrow(g, x, y, down, ink) {
  g.fillStyle = ink;
  g.beginPath();
  for (const [dx, dy] of [[9, 0], [6, 7 * down], [12, 7 * down]]) g.lineTo(x + dx, y + dy);
  g.fill();
}

// Something counted: each point holds until the next, at most `hold` ms.
function drawSteps(plot, curve, y, ink, hold) {
  const { g, x, bottom, colour } = plot;
  const { t, high, half } = curve;
  const begin = Math.max(0, indexAt(t, plot.from) - 1), end = Math.min(t.length, indexAt(t, plot.to) + 1);
  g.fillStyle = colour(ink);
  for (let i = begin; i < end; ) {
    const left = Math.round(x(t[i] - half)); // whole pixels: no seams
    let most = high[i], k = i + 1;
    while (k < end && x(t[k] - half) - left < 1) most = Math.max(most, high[k++]);
    const right = Math.round(x(Math.min(k < t.length ? t[k] - half : Infinity, t[k - 1] - half + hold, plot.to)));
    if (most > 0) g.fillRect(left, Math.min(y(most), bottom - 1), Math.max(1, right - left), bottom - Math.min(y(most), bottom - 1));
    i = k;
  }
  g.strokeStyle = colour("--soft");
  g.lineWidth = 1;
  line(g, plot.left, bottom + 0.5, plot.right, bottom + 0.5);
}

// Text that is cut where the room ends; nothing when there is none.
function fitText(g, text, x, y, room) {
  let shown = text;
  while (shown && g.measureText(shown).width > room) shown = shown.slice(0, shown.length < 3 ? 0 : -2);
  if (shown) g.fillText(shown === text ? text : shown.slice(0, -1) + "…", x, y);
}
