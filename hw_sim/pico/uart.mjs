// Knows one UART of the chip, character by character in time; knows no wire and nobody on it.
// A PL011 with FIFOs of 32 (RP2040 datasheet 4.2; Arm DDI 0183), in place of rp2040js's, which sends in no time and
// raises the transmit interrupt for ever.

const DR = 0x00, RSR = 0x04, FR = 0x18, IBRD = 0x24, FBRD = 0x28, LCR_H = 0x2c, CR = 0x30, IFLS = 0x34;
const IMSC = 0x38, RIS = 0x3c, MIS = 0x40, ICR = 0x44, DMACR = 0x48;
const FR_TXFE = 1 << 7, FR_RXFF = 1 << 6, FR_TXFF = 1 << 5, FR_RXFE = 1 << 4, FR_BUSY = 1 << 3;
const LCR_FEN = 1 << 4, LCR_STP2 = 1 << 3, LCR_PEN = 1 << 1;
const CR_UARTEN = 1, CR_TXE = 1 << 8, CR_RXE = 1 << 9;
const INT_RX = 1 << 4, INT_TX = 1 << 5, INT_TIMEOUT = 1 << 6, INT_OVERRUN = 1 << 10;
const DEPTH = 32;
const LEVELS = [4, 8, 16, 24, 28, 28, 28, 28]; // of 32, by the three bits of IFLS
const TIMEOUT_BITS = 32;
const SILENCE_CHARACTERS = 3.5; // ends a frame (Modbus over Serial Line V1.02, 2.5.1.1), fixed above 19200 baud
const SILENCE_FAST_NS = 1_750_000;
const IDENTITY = [0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1];

export class Uart {
  /** `env`: clock, freq() of its clock in Hz, interrupt(on), hears() and speaks() at this instant (clock runs, the
   * transceiver points that way), heard(ns): the same some time ago; frame(bytes, ns): it has sent a frame. */
  constructor(env) {
    this.env = env;
    this.ctrl = CR_RXE | CR_TXE;
    this.lcr = this.ibrd = this.fbrd = this.mask = this.raw = this.dmacr = 0;
    this.ifls = 0x12;
    this.out = []; // waits in the transmit FIFO
    this.shifting = null; // the character on the wire
    this.sent = []; // of the frame that is being sent
    this.in = []; // in the receive FIFO
    this.coming = []; // [ns, byte]: will arrive; late ones wait for room, since they were on the wire before
    this.lost = 0;
    this.endOfCharacter = env.clock.createAlarm(() => this.characterSent());
    this.endOfFrame = env.clock.createAlarm(() => this.frameSent());
    this.arrival = env.clock.createAlarm(() => this.arrive());
    this.timeout = env.clock.createAlarm(() => this.timedOut());
  }

  get bitNs() { return (1e9 * 16 * (this.ibrd + this.fbrd / 64)) / this.env.freq(); }

  get characterBits() {
    return 1 + 5 + ((this.lcr >> 5) & 3) + (this.lcr & LCR_PEN ? 1 : 0) + (this.lcr & LCR_STP2 ? 2 : 1);
  }

  get characterNs() { return this.characterBits * this.bitNs; }

  get depth() { return this.lcr & LCR_FEN ? DEPTH : 1; }

  // --- sending
  send(byte) {
    if (!(this.ctrl & CR_UARTEN) || !(this.ctrl & CR_TXE)) return;
    if (this.shifting === null) this.shift(byte);
    else if (this.out.length < this.depth) this.out.push(byte);
    if (this.out.length > this.transmitLevel) this.raw &= ~INT_TX;
    this.interrupts();
  }

  shift(byte) {
    this.endOfFrame.cancel();
    this.shifting = { byte, whole: this.env.speaks() };
    this.endOfCharacter.schedule(this.characterNs);
  }

  characterSent() {
    const { byte, whole } = this.shifting;
    this.shifting = null;
    if (whole && this.env.speaks()) this.sent.push(byte);
    else this.lost++;
    if (this.out.length) {
      this.shift(this.out.shift());
      if (this.out.length === this.transmitLevel) this.raw |= INT_TX; // an event, not a state
      this.interrupts();
      return;
    }
    const fast = 1e9 / this.bitNs > 19200;
    this.endOfFrame.schedule(fast ? SILENCE_FAST_NS : SILENCE_CHARACTERS * this.characterNs);
  }

  frameSent() {
    if (this.sent.length) this.env.frame(Uint8Array.from(this.sent));
    this.sent = [];
  }

  // --- receiving
  /** Bytes whose first ends at `ns`, one every `characterNs`. Those before now have been on the wire already. */
  receive(ns, bytes, characterNs) {
    const now = this.env.clock.nanos;
    bytes.forEach((byte, i) => {
      const at = ns + i * characterNs;
      if (at > now || this.env.heard(at)) this.coming.push([at, byte]);
      else this.lost++;
    });
    this.arrive();
  }

  arrive() {
    const now = this.env.clock.nanos;
    while (this.coming.length && this.coming[0][0] <= now) {
      const late = this.coming[0][0] < now;
      if (late && this.in.length >= this.depth) return; // drained by the next read
      const [, byte] = this.coming.shift();
      if (!(this.ctrl & CR_UARTEN) || !(this.ctrl & CR_RXE) || (!late && !this.env.hears())) {
        this.lost++;
      } else if (this.in.length >= this.depth) {
        this.lost++;
        this.raw |= INT_OVERRUN;
      } else {
        this.in.push(byte);
        if (this.in.length >= this.receiveLevel) this.raw |= INT_RX;
        this.timeout.schedule(TIMEOUT_BITS * this.bitNs);
      }
    }
    if (this.coming.length) this.arrival.schedule(this.coming[0][0] - now);
    this.interrupts();
  }

  timedOut() {
    if (this.in.length) this.raw |= INT_TIMEOUT;
    this.interrupts();
  }

  read() {
    const byte = this.in.shift() ?? 0;
    if (this.in.length < this.receiveLevel) this.raw &= ~INT_RX;
    if (!this.in.length) this.raw &= ~INT_TIMEOUT;
    if (this.coming.length) this.arrive();
    this.interrupts();
    return byte;
  }

  // --- registers
  get transmitLevel() { return this.lcr & LCR_FEN ? LEVELS[this.ifls & 7] : 0; }

  get receiveLevel() { return this.lcr & LCR_FEN ? LEVELS[(this.ifls >> 3) & 7] : 1; }

  interrupts() { this.env.interrupt((this.raw & this.mask) !== 0); }

  get flags() {
    return (this.out.length ? 0 : FR_TXFE) | (this.out.length >= this.depth ? FR_TXFF : 0)
      | (this.in.length >= this.depth ? FR_RXFF : 0) | (this.in.length ? 0 : FR_RXFE)
      | (this.out.length || this.shifting !== null ? FR_BUSY : 0);
  }

  readUint32(offset) {
    switch (offset) {
      case DR: return this.read();
      case RSR: return 0;
      case FR: return this.flags;
      case IBRD: return this.ibrd;
      case FBRD: return this.fbrd;
      case LCR_H: return this.lcr;
      case CR: return this.ctrl;
      case IFLS: return this.ifls;
      case IMSC: return this.mask;
      case RIS: return this.raw;
      case MIS: return this.raw & this.mask;
      case DMACR: return this.dmacr;
      default: return offset >= 0xfe0 ? IDENTITY[(offset - 0xfe0) >> 2] : 0;
    }
  }

  writeUint32(offset, value) {
    switch (offset) {
      case DR: return this.send(value & 0xff);
      case IBRD: this.ibrd = value & 0xffff; return;
      case FBRD: this.fbrd = value & 0x3f; return;
      case LCR_H: this.lcr = value & 0xff; return;
      case CR: this.ctrl = value & 0xffff; return;
      case IFLS: this.ifls = value & 0x3f; return;
      case IMSC: this.mask = value & 0x7ff; return this.interrupts();
      case ICR: this.raw &= ~value; return this.interrupts();
      case DMACR: this.dmacr = value; return;
    }
  }

  writeUint32Atomic(offset, value, kind) {
    const old = kind === 0 || offset === DR || offset === ICR ? 0 : this.readUint32(offset);
    this.writeUint32(offset, kind === 1 ? old ^ value : kind === 3 ? old & ~value : old | value);
  }

  clkPeriChanged() {}
}
