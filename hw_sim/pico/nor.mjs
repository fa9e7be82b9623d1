// Knows a NOR flash chip: bytes, time, wear, and what half an operation leaves behind; knows no processor and no file.
// Times: W25Q16JV data sheet, AC characteristics, typical: page program 0.4 ms, sector erase 45 ms, 64 KiB block 150 ms.

export const SECTOR = 4096;
const PAGE = 256;
const BLOCK = 65536;
const PROGRAM_NS = 400_000;
const ERASE_SECTOR_NS = 45_000_000;
const ERASE_BLOCK_NS = 150_000_000;

/** A run of small numbers below 1 that is the same for the same seed (mulberry32, public domain). */
export function dice(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Nor {
  /** `bytes` is the whole chip, changed in place; `random()` decides which bits of a torn page have flipped. */
  constructor(bytes, random) {
    this.bytes = bytes;
    this.random = random;
    this.erases = new Array(bytes.length / SECTOR).fill(0); // of each sector, since power-on
    this.operations = 0;
    this.steps = []; // of the operation under way: {ns, apply, tear, page}
    this.startNs = 0; // of its next step
    this.began = this.took = 0; // the operation's start and time, for whoever wants to cut it
    this.written = []; // [ns, offset, bytes] of pages that are whole, until somebody has noted them
    this.pace(0, 0);
  }

  get busy() { return this.steps.length > 0; }

  get endNs() { return this.began + this.took; }

  /** How long a page and a sector take from now on; 0: as usual. A block is slower by as much as a sector. */
  pace(pageNs, sectorNs) {
    this.programNs = pageNs || PROGRAM_NS;
    this.sectorNs = sectorNs || ERASE_SECTOR_NS;
    this.blockNs = (ERASE_BLOCK_NS * this.sectorNs) / ERASE_SECTOR_NS;
  }

  /** Starts to erase `count` bytes from a sector's start. */
  erase(nowNs, offset, count) {
    this.check(offset, count, SECTOR);
    this.begin(nowNs);
    for (let at = offset; at < offset + count;) {
      const size = at % BLOCK === 0 && at + BLOCK <= offset + count ? BLOCK : SECTOR;
      const area = this.bytes.subarray(at, at + size);
      for (let sector = at / SECTOR; sector < (at + size) / SECTOR; sector++) this.erases[sector]++;
      this.plan({
        ns: size === BLOCK ? this.blockNs : this.sectorNs,
        apply: () => area.fill(0xff),
        tear: (share) => area.forEach((old, i) => { area[i] = old | this.someBits(share); }),
      });
      at += size;
    }
  }

  /** Starts to program whole pages: ones become zeros, zeros stay. */
  program(nowNs, offset, data) {
    this.check(offset, data.length, PAGE);
    this.begin(nowNs);
    for (let at = 0; at < data.length; at += PAGE) {
      const area = this.bytes.subarray(offset + at, offset + at + PAGE);
      const page = data.subarray(at, at + PAGE);
      this.plan({
        ns: this.programNs,
        page: [offset + at, page],
        apply: () => area.forEach((old, i) => { area[i] = old & page[i]; }),
        tear: (share) => area.forEach((old, i) => { area[i] = old & (page[i] | ~this.someBits(share)); }),
      });
    }
  }

  /** Everything that has ended by now is done. */
  advance(nowNs) {
    while (this.steps.length && this.startNs + this.steps[0].ns <= nowNs) {
      const step = this.steps.shift();
      this.startNs += step.ns;
      step.apply();
      if (step.page) this.written.push([this.startNs, ...step.page]);
    }
  }

  /** Power is lost now: what was under way stays half done. */
  cut(nowNs) {
    this.advance(nowNs);
    if (this.steps.length) this.steps[0].tear((nowNs - this.startNs) / this.steps[0].ns);
    this.steps = [];
  }

  begin(nowNs) {
    this.operations++;
    this.startNs = this.began = nowNs;
    this.took = 0;
  }

  plan(step) {
    this.steps.push(step);
    this.took += step.ns;
  }

  check(offset, count, unit) {
    if (offset % unit || count % unit || offset + count > this.bytes.length) {
      throw new Error(`flash: ${count} bytes at ${offset}`);
    }
  }

  someBits(share) {
    let bits = 0;
    for (let bit = 1; bit < 256; bit <<= 1) if (this.random() < share) bits |= bit;
    return bits;
  }
}
