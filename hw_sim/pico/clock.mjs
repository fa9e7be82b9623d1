// Knows simulated time of one chip: cycles while it computes, jumps while it waits; knows no peripheral.
// Takes the place of rp2040js's SimulationClock, which is told of every single instruction.

class Alarm {
  constructor(clock, callback) {
    this.clock = clock;
    this.callback = callback;
    this.nanos = 0;
  }

  schedule(deltaNanos) {
    this.cancel();
    this.nanos = this.clock.nanos + Math.max(deltaNanos, 0);
    this.clock.insert(this);
  }

  cancel() {
    const at = this.clock.alarms.indexOf(this);
    if (at >= 0) this.clock.alarms.splice(at, 1);
  }
}

export class Clock {
  constructor() {
    this.core = { cycles: 0 }; // the processor, once there is one
    this.hertz = 125e6;
    this.anchorNanos = 0;
    this.anchorCycles = 0;
    this.alarms = []; // soonest first, equal ones in the order of scheduling
    this.changed = false; // an alarm has become the soonest
    this.stopped = false; // the chip is gone, and with it every alarm
  }

  get nanos() { return this.anchorNanos + ((this.core.cycles - this.anchorCycles) * 1e9) / this.hertz; }

  get micros() { return this.nanos / 1000; }

  get nextNanos() { return this.alarms.length ? this.alarms[0].nanos : Infinity; }

  createAlarm(callback) { return new Alarm(this, callback); }

  insert(alarm) {
    let at = this.alarms.length;
    while (at > 0 && this.alarms[at - 1].nanos > alarm.nanos) at--;
    this.alarms.splice(at, 0, alarm);
    if (at === 0) this.changed = true;
  }

  setHertz(hertz) {
    this.jumpTo(this.nanos);
    this.hertz = hertz;
  }

  /** Time passes without instructions. */
  jumpTo(nanos) {
    this.anchorNanos = nanos;
    this.anchorCycles = this.core.cycles;
  }

  /** The cycle count at which it will be `nanos`. */
  cyclesAt(nanos) { return this.anchorCycles + ((nanos - this.anchorNanos) * this.hertz) / 1e9; }

  /** Calls every alarm that is due. */
  fire() {
    while (!this.stopped && this.alarms.length && this.alarms[0].nanos <= this.nanos) this.alarms.shift().callback();
  }
}
