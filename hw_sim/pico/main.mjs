// Knows the line protocol by which hw_sim/pico/chip.py runs one emulated board: JSON lines, one answer to each question.
//
// usage: node main.mjs RP2040JS/dist/esm/index.js
//
//   {"power": {flash: base64, seed, drives: {uart: gpio}, watch: [gpio], console: bool, quick: bool}}
//   {"run": us, "hear": [[uart, us, hex, us per character]], "type": hex}    until then, or until something happens
//   {"order": {cut: [operation from now, share] | null, page_ns, erase_ns}}  of the flash; 0: its usual time
//   {"peek": [offset, count]}, {"poke": [offset, hex]}                       the flash
//   {"off": us}                                                              power is lost now
//
// Answer: {"us": simulated time, "events": [[us, "frame" | "pin" | "reset" | "halt" | "cut", ...]], "said": hex,
// "slept": us and "written": [[us, offset, hex]], pages of flash that were whole, both since the last answer}; to "peek"
// {"hex"}; to "off" {"flash": base64, "erases": {sector: count}, "lost": characters}. Times count from power-on.
import fs from "node:fs";
import { Chip } from "./chip.mjs";
import { Nor, dice } from "./nor.mjs";

const RAM_BYTES = 264 * 1024; // RP2040 datasheet 2.6.2

// --- blocking lines; a pipe that the parent made non-blocking answers EAGAIN
const bell = new Int32Array(new SharedArrayBuffer(4));

function insist(operation) {
  for (;;) {
    try {
      return operation();
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(bell, 0, 0, 1);
    }
  }
}

function* lines() {
  const chunk = Buffer.alloc(1 << 20);
  let parts = [];
  for (;;) {
    const count = insist(() => fs.readSync(0, chunk));
    if (count === 0) return;
    let part = Buffer.from(chunk.subarray(0, count));
    for (let end = part.indexOf(10); end >= 0; end = part.indexOf(10)) {
      yield Buffer.concat([...parts, part.subarray(0, end)]).toString("utf8");
      parts = [];
      part = part.subarray(end + 1);
    }
    parts.push(part);
  }
}

function answer(plain) {
  const bytes = Buffer.from(`${JSON.stringify(plain)}\n`);
  for (let done = 0; done < bytes.length;) done += insist(() => fs.writeSync(1, bytes, done));
}

/** A board from power-on to power-off, through any number of resets. */
class Board {
  constructor({ flash, seed, drives, watch, console, quick }) {
    this.random = dice(seed);
    const content = Buffer.from(flash, "base64");
    const memory = new ArrayBuffer(content.length + RAM_BYTES);
    this.nor = new Nor(new Uint8Array(memory, 0, content.length), this.random);
    this.nor.bytes.set(content);
    this.wiring = { drives, watch, console, quick };
    this.cutAt = null; // [operation, share]
    this.resetNs = 0; // when the present chip began
    this.events = [];
    this.said = [];
    this.dead = false;
    this.written = [];
    this.chip = this.reset(undefined);
  }

  get ns() { return this.resetNs + this.chip.clock.nanos; }

  reset(before) {
    const tell = (...event) => {
      this.events.push([Math.ceil(this.ns / 1000), ...event]);
      this.chip.pause = true;
    };
    return new Chip(this.nor, this.random, this.wiring, {
      frame: (uart, bytes) => tell("frame", uart, Buffer.from(bytes).toString("hex")),
      pin: (gpio, level) => tell("pin", gpio, level),
      reset: (reason) => tell("reset", reason),
      halt: (why) => tell("halt", why),
      said: (bytes) => this.said.push(...bytes),
    }, before);
  }

  run(untilUs) {
    const untilNs = untilUs * 1000;
    while (!this.dead && this.ns < untilNs && !this.events.length) {
      this.chip.run(this.cutNs(untilNs) - this.resetNs);
      this.cutIfDue();
      this.noteWritten();
      if (this.chip.over && this.events.at(-1)?.[1] === "reset") {
        this.resetNs = this.ns;
        this.chip = this.reset(this.chip);
      } else if (this.chip.over) {
        this.dead = true;
      }
    }
  }

  noteWritten() {
    for (const [ns, offset, page] of this.nor.written.splice(0)) {
      this.written.push([Math.ceil((this.resetNs + ns) / 1000), offset, Buffer.from(page).toString("hex")]);
    }
  }

  order({ cut, page_ns, erase_ns }) {
    this.cutAt = cut === null ? null : [this.nor.operations + cut[0], cut[1]];
    this.nor.pace(page_ns, erase_ns);
  }

  /** Where a cut that was ordered comes before `untilNs`. */
  cutNs(untilNs) {
    if (this.cutAt === null || this.nor.operations < this.cutAt[0]) return untilNs;
    return Math.min(untilNs, this.resetNs + this.nor.began + this.cutAt[1] * this.nor.took);
  }

  cutIfDue() {
    if (this.cutAt === null || this.nor.operations < this.cutAt[0] || this.ns < this.cutNs(Infinity)) return;
    this.nor.cut(this.chip.clock.nanos);
    this.events.push([Math.ceil(this.ns / 1000), "cut"]);
    this.dead = true;
  }

  report() {
    const said = Buffer.from(this.said).toString("hex");
    const times = { us: Math.ceil(this.ns / 1000), slept: this.chip.sleptNs / 1000, written: this.written };
    const report = { ...times, events: this.events, said };
    this.chip.sleptNs = 0;
    this.events = [];
    this.said = [];
    this.written = [];
    return report;
  }
}

let board;
for (const line of lines()) {
  const question = JSON.parse(line);
  if (question.power !== undefined) {
    board = new Board(question.power);
  } else if (question.off !== undefined) {
    while (!board.dead && board.ns < question.off * 1000) {
      board.run(question.off);
      board.report();
    }
    board.nor.cut(board.chip.clock.nanos);
    const erases = Object.fromEntries(board.nor.erases.map((count, sector) => [sector, count]).filter(([, count]) => count));
    const lost = board.chip.uarts.reduce((sum, uart) => sum + uart.lost, 0);
    answer({ flash: Buffer.from(board.nor.bytes).toString("base64"), erases, lost });
    continue;
  } else if (question.peek !== undefined) {
    const [offset, count] = question.peek;
    answer({ hex: Buffer.from(board.nor.bytes.subarray(offset, offset + count)).toString("hex") });
    continue;
  } else if (question.poke !== undefined) {
    board.nor.bytes.set(Buffer.from(question.poke[1], "hex"), question.poke[0]);
    answer({});
    continue;
  } else if (question.order !== undefined) {
    board.order(question.order);
    answer({});
    continue;
  } else {
    for (const [uart, us, hex, characterUs] of question.hear) {
      board.chip.uarts[uart].receive(us * 1000 - board.resetNs, [...Buffer.from(hex, "hex")], characterUs * 1000);
    }
    if (question.type) board.chip.console.type([...Buffer.from(question.type, "hex")]);
    board.run(question.run);
  }
  answer(board.report());
}
