// Knows how the last day of a channel is drawn: a zone from lowest to highest, the mean as a line, gaps as gaps.

import { s } from "./dom.js";
import { say } from "./words.js";

const HEIGHT = 100;
const MARGIN = 6;

/** `curve`: [step, lowest, mean, highest, flagged] of each step that has readings. */
export function plot(name, curve, steps, unit) {
  const low = Math.min(...curve.map((point) => point[1]));
  const high = Math.max(...curve.map((point) => point[3]));
  const room = high - low || Math.abs(high) * 0.02 || 1;
  const middle = (high + low) / 2;
  const y = (value) => (HEIGHT / 2 - ((value - middle) / room) * (HEIGHT - 2 * MARGIN)).toFixed(1);
  const parts = runs(curve).map((run) => {
    const up = run.map(([x, , , top]) => `${x} ${y(top)}`);
    const back = run.map(([x, bottom]) => `${x} ${y(bottom)}`).reverse();
    const line = run.map(([x, , mean]) => `${x} ${y(mean)}`);
    if (line.length === 1) line.push(`${run[0][0] + 0.01} ${y(run[0][2])}`); // a point is a line without length
    return [s("path", { class: "zone", d: `M${[...up, ...back].join("L")}Z` }), s("path", { class: "mean", d: `M${line.join("L")}` })];
  });
  const flags = curve.filter((point) => point[4]).map(([x]) => s("path", { class: "flag", d: `M${x} ${HEIGHT}v-5` }));
  const range = { low: Number(low.toPrecision(4)), high: Number(high.toPrecision(4)) };
  const label = say("web.plot", { channel: name, ...range, unit });
  return { ...range, element: s("svg", { class: "plot", viewBox: `0 0 ${steps} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
    s("path", { class: "base", d: `M0 ${HEIGHT}H${steps}` }), parts, flags) };
}

/** Stretches without a gap: a step may be empty where a channel is read every ten minutes, three are a gap of its usual step. */
function runs(curve) {
  const steps = curve.slice(1).map((point, at) => point[0] - curve[at][0]).sort((a, b) => a - b);
  const usual = steps.length ? steps[Math.floor(steps.length / 2)] : 1;
  const found = [];
  for (const point of curve) {
    const last = found.at(-1);
    if (last && point[0] - last.at(-1)[0] <= 3 * usual) last.push(point);
    else found.push([point]);
  }
  return found;
}
