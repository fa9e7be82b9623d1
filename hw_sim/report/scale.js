// Knows how times and numbers are divided and written; knows neither a canvas nor the data.

const MINUTE = 60000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const TIME_STEPS = [1000, 5000, 10000, 30000, MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR,
  12 * HOUR, DAY, 2 * DAY, 5 * DAY, 10 * DAY, 30 * DAY, 90 * DAY, 365 * DAY];
const two = (number) => String(number).padStart(2, "0");

// Ticks of [from, to] that lie at least `least` ms apart, on whole steps of the zone `offset` (ms east of UTC).
function timeTicks(from, to, least, offset) {
  const step = TIME_STEPS.find((one) => one >= least) || TIME_STEPS[TIME_STEPS.length - 1];
  const ticks = [];
  for (let t = Math.ceil((from + offset) / step) * step - offset; t <= to; t += step) ticks.push(t);
  return { step, ticks };
}

function timeParts(t, offset) {
  const d = new Date(t + offset);
  return {
    date: `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`,
    day: `${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`,
    clock: `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`,
    seconds: two(d.getUTCSeconds()),
  };
}

function timeText(t, offset, seconds) {
  const parts = timeParts(t, offset);
  return `${parts.date} ${parts.clock}${seconds ? ":" + parts.seconds : ""}`;
}

// Two to five round numbers of [low, high].
function valueTicks(low, high, most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) || 10 * power;
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(i * step);
  return { ticks, decimals };
}

function numberText(value, decimals) {
  const text = Math.abs(value).toFixed(decimals);
  const [whole, rest] = text.split(".");
  const sign = value < 0 && Number(text) !== 0 ? "−" : "";
  const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, ",") : whole;
  return sign + grouped + (rest ? "." + rest : "");
}
