// Knows a whole RP2040 from one reset to the next: rp2040js with what it lacks; knows no firmware and no world.
import { RP2040 } from "./rp2040js.mjs";
import { Clock } from "./clock.mjs";
import { Console } from "./console.mjs";
import { quickly } from "./quick.mjs";
import * as rom from "./rom.mjs";
import { Uart } from "./uart.mjs";

const XIP = 0x10000000;
const VECTORS = XIP + 0x100; // behind the second stage, which has nothing to set up here
const HIGH = 1, PULLED_UP = 3, PULLED_DOWN = 4; // rp2040js: GPIOPinState
const SCR = 0xd10, SLEEPDEEP = 1 << 2; // Armv6-M manual, B3.2.7
const SLEEP_EN0 = 0xa8, SLEEP_EN1 = 0xac; // RP2040 datasheet 2.15.7
const UART_CLOCKS = [0b11 << 6, 0b11 << 8]; // of SLEEP_EN1: clk_peri and clk_sys of each
const UART_IRQ = 20;
const EARS_KEEP_NS = 5e9; // longer than any frame takes

/** Registers that only remember, in place of peripherals that rp2040js leaves out. */
class Registers {
  constructor(start, special = {}) {
    this.values = new Map(Object.entries(start).map(([offset, value]) => [Number(offset), value]));
    this.special = special; // offset -> function that reads it
  }

  readUint32(offset) { return this.special[offset]?.() ?? this.values.get(offset) ?? 0; }

  writeUint32Atomic(offset, value, kind) {
    const old = this.readUint32(offset);
    this.values.set(offset, (kind === 0 ? value : kind === 1 ? old ^ value : kind === 2 ? old | value : old & ~value) >>> 0);
  }
}

/** Whether a receiver could hear, now and some time ago. */
class Ears {
  constructor() { this.changes = [[-Infinity, true]]; }

  get open() { return this.changes.at(-1)[1]; }

  set(ns, open) {
    if (open === this.open) return;
    while (this.changes.length > 1 && this.changes[1][0] < ns - EARS_KEEP_NS) this.changes.shift();
    this.changes.push([ns, open]);
  }

  at(ns) { return this.changes.findLast(([since]) => since <= ns)[1]; }
}

export class Chip {
  /**
   * `wiring`: drives (UART -> GPIO that turns its transceiver), watch (GPIOs to report), console (whether a host is on
   * the USB port), quick (whether quick.mjs helps). `report`: frame(uart, bytes), pin(gpio, level), said(bytes), reset(reason), halt(why).
   * `before`: the chip that was reset, or undefined at power-on.
   */
  constructor(nor, random, wiring, report, before) {
    this.nor = nor;
    this.report = report;
    this.clock = new Clock();
    this.pause = false; // run() returns to its caller
    this.asleep = false; // its clocks stand
    this.sleptNs = 0;
    const chip = new RP2040(this.clock);
    this.chip = chip;
    this.clock.core = chip.core;
    chip.logger = { debug() {}, info() {}, warn() {}, error() {} };
    chip.addClockListener((hertz) => this.clock.setHertz(hertz));
    this.clock.setHertz(chip.clkSys);
    this.mendMemory();
    this.mendSleep();
    this.mendPeripherals(random);
    this.mendWatchdog(before?.chip.peripherals[0x40058]);
    this.mendPins(wiring);
    this.uarts = [0, 1].map((i) => this.mendUart(i, wiring.drives[i]));
    this.console = wiring.console ? new Console(chip.usbCtrl, (bytes) => report.said(bytes)) : null;
    rom.install(chip, this);
    this.quickly = wiring.quick ? quickly(chip.core, nor.bytes.buffer, nor.bytes.length) : null;
    chip.core.VTOR = VECTORS;
    chip.core.SP = chip.readUint32(VECTORS);
    chip.core.PC = chip.readUint32(VECTORS + 4) & ~1;
  }

  /** It was reset or has halted: nothing happens in it any more. */
  get over() { return this.clock.stopped; }

  /** Runs until simulated time since this reset is `untilNs`, or something wants to be told. */
  run(untilNs) {
    const { clock, nor } = this;
    const { core } = this.chip;
    this.pause = false;
    while (!this.pause && !this.over) {
      clock.fire();
      const now = clock.nanos;
      if (now >= untilNs || this.pause || this.over) return;
      const target = Math.min(clock.nextNanos, untilNs);
      if (nor.busy) { // the processor stands in a ROM function, interrupts are off
        clock.jumpTo(Math.min(nor.endNs, target));
        nor.advance(clock.nanos);
      } else if (core.waiting) {
        if (this.wakes()) continue;
        this.sleep(true);
        clock.jumpTo(target);
        if (this.asleep && this.sleepEnable.some((clocks) => clocks !== 0xffffffff)) this.sleptNs += clock.nanos - now;
      } else {
        this.sleep(false);
        clock.changed = false;
        const limit = clock.cyclesAt(target);
        const { hertz } = clock;
        while (core.cycles < limit && !core.waiting && !clock.changed && !nor.busy) {
          if (this.quickly !== null && !core.interruptsUpdated) this.quickly(limit);
          if (core.cycles >= limit) break;
          core.executeInstruction();
          if (this.over || this.pause || hertz !== clock.hertz) break;
        }
      }
    }
  }

  // --- what the ROM asks of its host
  erase(offset, count) {
    this.nor.erase(this.clock.nanos, offset, count);
    this.pause = true; // the power may be cut within
  }

  program(offset, from, count) {
    const data = Uint8Array.from({ length: count }, (_, i) => this.chip.readUint8(from + i));
    this.nor.program(this.clock.nanos, offset, data);
    this.pause = true;
  }

  toBootloader() { this.halt("the firmware asked for the USB boot loader"); }

  halt(why) {
    if (this.over) return;
    this.clock.stopped = true;
    this.report.halt(why);
  }

  // --- what rp2040js lacks
  /** Flash as the flash chip has it, and RAM in the same piece of memory (quick.mjs); it outlives a reset. */
  mendMemory() {
    const { bytes } = this.nor;
    this.chip.flash = bytes;
    this.chip.flash16 = new Uint16Array(bytes.buffer, 0, bytes.length / 2);
    this.chip.flashView = new DataView(bytes.buffer, 0, bytes.length);
    this.chip.sram = new Uint8Array(bytes.buffer, bytes.length);
    this.chip.sramView = new DataView(bytes.buffer, bytes.length);
  }

  /** With interrupts masked, WFI ends and no handler runs; what is pending already ends it at once. */
  mendSleep() {
    const { core } = this.chip;
    const enter = core.checkForInterrupts;
    core.checkForInterrupts = () => (core.waiting && core.PM ? this.pending() : enter.call(core));
    this.control = 0;
    this.sleepEnable = [0xffffffff, 0xffffffff];
    const only = (peripheral, offsets) => {
      const { readUint32, writeUint32 } = peripheral;
      peripheral.readUint32 = (at) => (at in offsets ? offsets[at].get() : readUint32.call(peripheral, at));
      peripheral.writeUint32 = (at, value) => {
        if (at in offsets) offsets[at].set(value >>> 0);
        else writeUint32.call(peripheral, at, value);
      };
    };
    only(this.chip.ppb, { [SCR]: { get: () => this.control, set: (value) => { this.control = value; } } });
    only(this.chip.clocks, Object.fromEntries([SLEEP_EN0, SLEEP_EN1].map((at, i) => [at, {
      get: () => this.sleepEnable[i],
      set: (value) => { this.sleepEnable[i] = value; },
    }])));
  }

  pending() {
    const { core } = this.chip;
    return core.pendingNMI || core.pendingSystick || core.pendingPendSV || (core.pendingInterrupts & core.enabledInterrupts) !== 0;
  }

  wakes() {
    const { core } = this.chip;
    if (!this.pending()) return false;
    core.waiting = false;
    core.interruptsUpdated = true;
    return true;
  }

  sleep(waiting) {
    const deep = waiting && (this.control & SLEEPDEEP) !== 0;
    if (deep === this.asleep && !deep) return;
    this.asleep = deep;
    this.uarts.forEach((uart) => uart.env.listen());
  }

  mendPeripherals(random) {
    const { peripherals } = this.chip;
    peripherals[0x14000] = new Registers({ 0x8: 0b10 }); // XIP cache: flush ready (2.6.3.6)
    peripherals[0x40018] = new Registers({}); // QSPI pads
    peripherals[0x40060] = new Registers({ 0x0: 0xaa0 }, { // ring oscillator (2.17.8): stable, enabled; noise
      0x18: () => 0x80001000,
      0x1c: () => (random() < 0.5 ? 1 : 0),
    });
    peripherals[0x40064] = new Registers({ 0x0: 0x10b1, 0x8: 0x100 }); // regulator in order; reset by power-on (2.10.6)
  }

  mendWatchdog(before) {
    const watchdog = this.chip.peripherals[0x40058];
    if (before !== undefined) {
      watchdog.reason = before.reason;
      watchdog.scratchData.set(before.scratchData);
    }
    watchdog.onWatchdogTrigger = () => {
      if (this.over) return;
      this.clock.stopped = true;
      this.report.reset(watchdog.reason & 1 ? "watchdog" : "the firmware asked for it");
    };
  }

  /** A pin that nobody drives follows its pull. */
  mendPins({ watch }) {
    this.chip.gpio.forEach((pin, number) => {
      pin.addListener((state) => {
        if (state === PULLED_UP || state === PULLED_DOWN) pin.setInputValue(state === PULLED_UP);
        if (watch.includes(number)) this.report.pin(number, state === HIGH ? 1 : state === 0 ? 0 : null);
      });
    });
  }

  mendUart(number, drive) {
    const { chip, clock } = this;
    const ears = new Ears();
    const driven = () => drive !== undefined && chip.gpio[drive].value === HIGH;
    const runs = () => !this.asleep || (this.sleepEnable[1] & UART_CLOCKS[number]) === UART_CLOCKS[number];
    const uart = new Uart({
      clock,
      freq: () => chip.clkPeri,
      interrupt: (on) => chip.setInterrupt(UART_IRQ + number, on),
      hears: () => ears.open,
      heard: (ns) => ears.at(ns),
      speaks: () => runs() && (drive === undefined || driven()),
      listen: () => ears.set(clock.nanos, runs() && !driven()),
      frame: (bytes) => this.report.frame(number, bytes),
    });
    if (drive !== undefined) chip.gpio[drive].addListener(() => uart.env.listen());
    chip.uart[number] = uart;
    chip.peripherals[0x40034 + 4 * number] = uart;
    return uart;
  }
}
