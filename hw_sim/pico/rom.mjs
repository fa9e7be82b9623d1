// Knows the RP2040's boot ROM as far as firmware calls it; knows no chip, no flash chip and no firmware. Every function
// is one breakpoint that is answered here and a return, so that nothing of the real ROM is needed.
// Layout and two-letter codes: RP2040 datasheet 2.8.2 and 2.8.3; float tables: pico-sdk pico/bootrom/sf_table.h.

const BKPT = 0xbe00;
const BX_LR = 0x4770;
const STACK_TOP = 0x20042000;
const VERSION = 3; // of the ROM: from 2 on it has double precision and the longer tables
const FUNCTIONS = 0x14;
const DATA = 0x16;
const LOOKUP = 0x18;
const FIRST_STUB = 0x100;
const FIRST_TABLE = 0x800;

// Cycles that a call takes, about: of the order of what the datasheet gives for the float library (2.8.3.2) and for
// moving memory (2.8.3.1.2). Never measured on silicon.
const CYCLES = { short: 20, arithmetic: 70, convert: 50, transcendental: 600, perByte: 0.4 };

const code = (name) => name.charCodeAt(0) | (name.charCodeAt(1) << 8);

// --- numbers in registers
const scratch = new DataView(new ArrayBuffer(8));

const single = {
  words: 1,
  get(r, at) { scratch.setUint32(0, r[at]); return scratch.getFloat32(0); },
  put(r, at, x) { scratch.setFloat32(0, x); r[at] = scratch.getUint32(0); },
};
const double = {
  words: 2,
  get(r, at) { scratch.setUint32(4, r[at]); scratch.setUint32(0, r[at + 1]); return scratch.getFloat64(0); },
  put(r, at, x) { scratch.setFloat64(0, x); r[at] = scratch.getUint32(4); r[at + 1] = scratch.getUint32(0); },
};

const clamp = (x, low, high) => (Number.isNaN(x) ? 0 : x < low ? low : x > high ? high : x);
const toInt = (x) => Math.floor(clamp(x, -(2 ** 31), 2 ** 31 - 1));
const toUint = (x) => Math.floor(clamp(x, 0, 2 ** 32 - 1));

function putLong(r, x, low, high) {
  const whole = Number.isNaN(x) ? 0n : x <= Number(low) ? low : x >= Number(high) ? high : BigInt(Math.floor(x));
  r[0] = Number(whole & 0xffffffffn);
  r[1] = Number((whole >> 32n) & 0xffffffffn);
}
const putInt64 = (r, x) => putLong(r, x, -(2n ** 63n), 2n ** 63n - 1n);
const putUint64 = (r, x) => putLong(r, x, 0n, 2n ** 64n - 1n);

// A single from a long integer is rounded once, to nearest even: over a double it would be rounded twice.
function rounded(kind, whole, exponent) {
  if (kind === double) return Number(whole) * 2 ** -exponent;
  const magnitude = whole < 0n ? -whole : whole;
  const spare = BigInt(Math.max(magnitude.toString(2).length - 30, 0));
  const sticky = magnitude & ((1n << spare) - 1n) ? 1n : 0n;
  const kept = Number((magnitude >> spare) | sticky) * 2 ** Number(spare);
  return Math.fround((whole < 0n ? -kept : kept) * 2 ** -exponent);
}
const int64 = (r) => BigInt.asIntN(64, (BigInt(r[1]) << 32n) | BigInt(r[0]));
const uint64 = (r) => (BigInt(r[1]) << 32n) | BigInt(r[0]);

const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** The 32 entries of a float table, in the order of sf_table.h. `other`: what the last entry converts to. */
function floats(kind, other) {
  const second = kind.words;
  const a = (r) => kind.get(r, 0);
  const b = (r) => kind.get(r, second);
  const put = (r, x) => kind.put(r, 0, x);
  const two = (f) => [CYCLES.arithmetic, (c) => put(c.registers, f(a(c.registers), b(c.registers)))];
  const one = (f, cycles) => [cycles, (c) => put(c.registers, f(a(c.registers)))];
  const take = (f) => [CYCLES.convert, (c) => f(c.registers, a(c.registers))];
  const make = (f) => [CYCLES.convert, (c) => put(c.registers, f(c.registers))];
  const places = (r) => r[second] | 0; // binary places, behind the number
  const fromLong = (f, behind) => make((r) => rounded(kind, f(r), behind ? r[2] | 0 : 0));
  return [
    two((x, y) => x + y),
    two((x, y) => x - y),
    two((x, y) => x * y),
    two((x, y) => x / y),
    [CYCLES.short, (c) => { c.registers[0] = order(a(c.registers), b(c.registers)); }],
    [CYCLES.short, (c) => {
      const sign = order(a(c.registers), b(c.registers));
      c.N = sign < 0; c.Z = sign === 0; c.C = sign >= 0; c.V = false;
    }],
    one(Math.sqrt, CYCLES.arithmetic),
    take((r, x) => { r[0] = toInt(x); }),
    take((r, x) => { r[0] = toInt(x * 2 ** places(r)); }),
    take((r, x) => { r[0] = toUint(x); }),
    take((r, x) => { r[0] = toUint(x * 2 ** places(r)); }),
    make((r) => r[0] | 0),
    make((r) => (r[0] | 0) * 2 ** -(r[1] | 0)),
    make((r) => r[0]),
    make((r) => r[0] * 2 ** -(r[1] | 0)),
    one(Math.cos, CYCLES.transcendental),
    one(Math.sin, CYCLES.transcendental),
    one(Math.tan, CYCLES.transcendental),
    [CYCLES.transcendental, (c) => {
      const x = a(c.registers);
      put(c.registers, Math.sin(x));
      kind.put(c.registers, second, Math.cos(x));
    }],
    one(Math.exp, CYCLES.transcendental),
    one((x) => (x < 0 ? -Infinity : Math.log(x)), CYCLES.transcendental),
    [CYCLES.short, (c) => { c.registers[0] = order(a(c.registers), b(c.registers)); }],
    two(Math.atan2),
    fromLong(int64, false),
    fromLong(int64, true),
    fromLong(uint64, false),
    fromLong(uint64, true),
    take((r, x) => putInt64(r, x)),
    take((r, x) => putInt64(r, x * 2 ** places(r))),
    take((r, x) => putUint64(r, x)),
    take((r, x) => putUint64(r, x * 2 ** places(r))),
    [CYCLES.convert, (c) => other.put(c.registers, 0, a(c.registers))],
  ];
}

function reverse32(x) {
  let y = 0;
  for (let i = 0; i < 32; i++) y |= ((x >>> i) & 1) << (31 - i);
  return y;
}

function ones(x) {
  let n = 0;
  for (; x; x &= x - 1) n++;
  return n;
}

/** Puts the ROM into `chip.bootrom` and answers its functions. `host` has the flash (erase, program) and `toBootloader()`. */
export function install(chip, host) {
  const { core } = chip;
  const bytes = new DataView(chip.bootrom.buffer);
  const answers = new Map(); // breakpoint's number -> [cycles, function]
  const addresses = new Map(); // stub's name -> address with the Thumb bit
  let free = FIRST_STUB;

  const stub = (name, cycles, answer) => {
    const id = answers.size;
    answers.set(id, [cycles, answer]);
    bytes.setUint16(free, BKPT | id, true);
    bytes.setUint16(free + 2, BX_LR, true);
    addresses.set(name, free | 1);
    free += 4;
  };

  const find = (c) => {
    const [table, wanted] = c.registers;
    c.registers[0] = 0;
    for (let at = table; chip.readUint16(at); at += 4) {
      if (chip.readUint16(at) === (wanted & 0xffff)) c.registers[0] = chip.readUint16(at + 2);
    }
  };
  const nothing = () => {};
  const fill = (c) => {
    const [to, value, count] = c.registers;
    core.cycles += Math.round(count * CYCLES.perByte);
    for (let i = 0; i < count; i++) chip.writeUint8(to + i, value & 0xff);
  };
  const copy = (c) => {
    const [to, from, count] = c.registers;
    core.cycles += Math.round(count * CYCLES.perByte);
    for (let i = 0; i < count; i++) chip.writeUint8(to + i, chip.readUint8(from + i));
  };
  const functions = [
    ["P3", (c) => { c.registers[0] = ones(c.registers[0]); }],
    ["R3", (c) => { c.registers[0] = reverse32(c.registers[0]); }],
    ["L3", (c) => { c.registers[0] = Math.clz32(c.registers[0]); }],
    ["T3", (c) => { const x = c.registers[0]; c.registers[0] = x ? 31 - Math.clz32(x & -x) : 32; }],
    ["MS", fill],
    ["S4", fill],
    ["MC", copy],
    ["C4", copy],
    ["UB", () => host.toBootloader()],
    ["IF", nothing],
    ["EX", nothing],
    ["RE", (c) => host.erase(c.registers[0], c.registers[1])],
    ["RP", (c) => host.program(c.registers[0], c.registers[1], c.registers[2])],
    ["FC", nothing],
    ["CX", nothing],
  ];
  stub("lookup", CYCLES.short, find);
  stub("hang", 1, () => host.halt("an exception before the firmware had a handler"));
  for (const [name, answer] of functions) stub(name, CYCLES.short, answer);
  const tables = [["SF", floats(single, double)], ["SD", floats(double, single)]];
  for (const [name, entries] of tables) entries.forEach(([cycles, answer], i) => stub(`${name}${i}`, cycles, answer));

  let at = FIRST_TABLE;
  const word16 = (value) => { bytes.setUint16(at, value, true); at += 2; };
  const data = [];
  for (const [name, entries] of tables) {
    word16(entries.length); // the byte two before a table is its length in words
    data.push([code(name), at]);
    entries.forEach((_, i) => { bytes.setUint32(at, addresses.get(`${name}${i}`), true); at += 4; });
    word16(0);
  }
  bytes.setUint16(FUNCTIONS, at, true);
  for (const [name] of functions) { word16(code(name)); word16(addresses.get(name)); }
  word16(0);
  bytes.setUint16(DATA, at, true);
  for (const [name, address] of data) { word16(name); word16(address); }
  word16(0);
  bytes.setUint16(LOOKUP, addresses.get("lookup"), true);
  bytes.setUint32(0, STACK_TOP, true);
  for (let vector = 4; vector < 0x10; vector += 4) bytes.setUint32(vector, addresses.get("hang"), true);
  [0x4d, 0x75, 0x01, VERSION].forEach((byte, i) => bytes.setUint8(0x10 + i, byte)); // "Mu", 1

  chip.onBreak = (id) => {
    const answer = core.PC < 0x4000 ? answers.get(id) : undefined;
    if (answer === undefined) return host.halt(`breakpoint ${id} at ${(core.PC - 2).toString(16)}`);
    core.cycles += answer[0];
    answer[1](core);
  };
}
