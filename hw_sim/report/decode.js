// Knows how packed curves and marks are unpacked (curves.py packs them); knows nothing of what they are for.

const numbersOf = (text) => {
  const raw = atob(text);
  let at = 0;
  return () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = raw.charCodeAt(at++);
      value += (byte & 127) * scale; // no shifts: those have 32 bits
      if (byte < 128) return value;
    }
  };
};
const signed = (number) => (number % 2 ? -(number + 1) / 2 : number / 2);

// {t, low, mid, high: arrays by point; half: ms from a bucket's begin to its middle; between: usual ms between points}
function curveOf([count, stepMs, first, buckets, decimals, between, stream]) {
  const next = numbersOf(stream), scale = 10 ** decimals;
  const t = new Float64Array(count), mid = new Float64Array(count);
  const low = buckets ? new Float64Array(count) : mid, high = buckets ? new Float64Array(count) : mid;
  const half = buckets ? stepMs / 2 : 0;
  let step = first, mean = 0;
  for (let i = 0; i < count; i++) {
    step += next();
    mean += signed(next());
    t[i] = step * stepMs + half;
    mid[i] = mean / scale;
    if (buckets) {
      low[i] = (mean - next()) / scale;
      high[i] = (mean + next()) / scale;
    }
  }
  return { t, low, mid, high, half, between: between || stepMs, decimals, buckets: !!buckets };
}

// Arrays by mark; low and high are NaN where the readings had no value.
function marksOf([count, first, decimals, stream]) {
  const next = numbersOf(stream), scale = 10 ** decimals;
  const t = new Float64Array(count), last = new Float64Array(count), readings = new Float64Array(count);
  const flags = new Float64Array(count), low = new Float64Array(count).fill(NaN), high = new Float64Array(count).fill(NaN);
  let time = first, value = 0, total = 0;
  for (let i = 0; i < count; i++) {
    time += next();
    t[i] = time;
    last[i] = time + next();
    readings[i] = next();
    total += readings[i];
    const head = next();
    flags[i] = Math.floor(head / 2);
    if (head % 2) {
      value += signed(next());
      low[i] = value / scale;
      high[i] = (value + next()) / scale;
    }
  }
  return { t, last, readings, flags, low, high, total, decimals };
}

// The first index whose time is not before `time`.
function indexAt(times, time) {
  let from = 0, to = times.length;
  while (from < to) {
    const half = (from + to) >> 1;
    if (times[half] < time) from = half + 1;
    else to = half;
  }
  return from;
}

// The point nearest to `time`, or -1 when none is as near as `most` ms.
function nearest(times, time, most) {
  const i = indexAt(times, time);
  const best = i > 0 && (i === times.length || time - times[i - 1] < times[i] - time) ? i - 1 : i;
  return best < times.length && Math.abs(times[best] - time) <= most ? best : -1;
}
