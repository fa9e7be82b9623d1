// Knows the processor's frequent instructions between memory and registers, to run them faster than rp2040js, which asks
// some sixty questions about each; knows no peripheral. Whatever else there is, or touches anything but flash and RAM,
// is left to rp2040js, instruction by instruction; results and cycles are the same (Armv6-M manual, A6.7).

const FLASH = 0x10000000;
const RAM = 0x20000000;
const EXCEPTION_RETURN = 0xf; // the top four bits of an address that is none
const STACK_ROOM = 64; // more than one PUSH or POP moves
const MOST_CYCLES = 1 << 28; // at a time, so that the count stays a small integer

const SLOW = 0, LSL = 1, LSR = 2, ASR = 3, ADD_REG = 4, SUB_REG = 5, ADD_3 = 6, SUB_3 = 7, MOV_8 = 8, CMP_8 = 9;
const ADD_8 = 10, SUB_8 = 11, AND = 12, EOR = 13, TST = 14, NEG = 15, CMP = 16, ORR = 17, MUL = 18, BIC = 19, MVN = 20;
const ADD_HIGH = 21, CMP_HIGH = 22, MOV_HIGH = 23, BX = 24, BLX = 25, LDR_PC = 26, STR = 27, STRH = 28, STRB = 29;
const LDRSB = 30, LDR = 31, LDRH = 32, LDRB = 33, LDRSH = 34, STR_5 = 35, LDR_5 = 36, STRB_5 = 37, LDRB_5 = 38;
const STRH_5 = 39, LDRH_5 = 40, STR_SP = 41, LDR_SP = 42, ADR = 43, ADD_SP = 44, SP_UP = 45, SP_DOWN = 46, SXTH = 47;
const SXTB = 48, UXTH = 49, UXTB = 50, PUSH = 51, POP = 52, B_IF = 53, B = 54, BL = 55;

/** What an instruction's first half says. */
function kindOf(op) {
  const top5 = op >> 11;
  if (top5 < 3) return [LSL, LSR, ASR][top5];
  if (top5 === 3) return [ADD_REG, SUB_REG, ADD_3, SUB_3][(op >> 9) & 3];
  if (top5 < 8) return [MOV_8, CMP_8, ADD_8, SUB_8][top5 - 4];
  if (op >> 10 === 0b010000) {
    return [AND, EOR, SLOW, SLOW, SLOW, SLOW, SLOW, SLOW, TST, NEG, CMP, SLOW, ORR, MUL, BIC, MVN][(op >> 6) & 15];
  }
  if (op >> 10 === 0b010001) {
    const to = ((op >> 4) & 8) | (op & 7);
    const from = (op >> 3) & 15;
    if (op >> 8 === 0x47) return op & 7 ? SLOW : from === 15 ? SLOW : op & 0x80 ? BLX : BX;
    if (op >> 8 === 0x45) return to === 15 || from === 15 ? SLOW : CMP_HIGH;
    if (op >> 8 === 0x46) return to === 15 || to === 13 ? SLOW : MOV_HIGH;
    return to === 15 || to === 13 || from === 15 ? SLOW : ADD_HIGH;
  }
  if (top5 === 0b01001) return LDR_PC;
  if (op >> 12 === 0b0101) return [STR, STRH, STRB, LDRSB, LDR, LDRH, LDRB, LDRSH][(op >> 9) & 7];
  if (top5 >= 0b01100 && top5 <= 0b10101) {
    return [STR_5, LDR_5, STRB_5, LDRB_5, STRH_5, LDRH_5, STR_SP, LDR_SP, ADR, ADD_SP][top5 - 0b01100];
  }
  if (op >> 7 === 0b101100000) return SP_UP;
  if (op >> 7 === 0b101100001) return SP_DOWN;
  if (op >> 8 === 0b10110010) return [SXTH, SXTB, UXTH, UXTB][(op >> 6) & 3];
  if (op >> 9 === 0b1011010) return PUSH;
  if (op >> 9 === 0b1011110) return POP;
  if (op >> 12 === 0b1101) return ((op >> 8) & 15) < 14 ? B_IF : SLOW;
  if (top5 === 0b11100) return B;
  if (top5 === 0b11110) return BL; // its second half says whether
  return SLOW;
}

const KINDS = Uint8Array.from({ length: 65536 }, (_, op) => kindOf(op));

function holds(core, condition) {
  switch (condition) {
    case 0: return core.Z;
    case 1: return !core.Z;
    case 2: return core.C;
    case 3: return !core.C;
    case 4: return core.N;
    case 5: return !core.N;
    case 6: return core.V;
    case 7: return !core.V;
    case 8: return core.C && !core.Z;
    case 9: return !core.C || core.Z;
    case 10: return core.N === core.V;
    case 11: return core.N !== core.V;
    case 12: return core.N === core.V && !core.Z;
    default: return core.N !== core.V || core.Z;
  }
}

function sum(core, a, b) {
  const result = (a + b) | 0;
  core.N = result < 0;
  core.Z = result === 0;
  core.C = result >>> 0 < a >>> 0;
  core.V = (~(a ^ b) & (a ^ result)) < 0;
  return result;
}

function difference(core, a, b) {
  const result = (a - b) | 0;
  core.N = result < 0;
  core.Z = result === 0;
  core.C = a >>> 0 >= b >>> 0;
  core.V = ((a ^ b) & (a ^ result)) < 0;
  return result;
}

function logic(core, result) {
  core.N = result < 0;
  core.Z = result === 0;
  return result;
}

/**
 * A function (limit) that runs frequent instructions until the cycle count has reached `limit` or another one comes.
 * `memory`: the flash, and from `ramAt` on the RAM. Everything is a 32-bit integer with a sign: V8 keeps those in registers.
 */
export function quickly(core, memory, ramAt) {
  const r = new Int32Array(core.registers.buffer);
  const words = new Int32Array(memory);
  const halves = new Uint16Array(memory);
  const bytes = new Uint8Array(memory);
  const ramSize = memory.byteLength - ramAt;

  // Where an address lies in `memory`; -1: elsewhere.
  const place = (address) => {
    const inRam = (address - RAM) | 0;
    if (inRam >>> 0 < ramSize) return ramAt + inRam;
    const inFlash = (address - FLASH) | 0;
    return inFlash >>> 0 < ramAt ? inFlash : -1;
  };

  return (limit) => {
    const budget = Math.min(Math.ceil(limit - core.cycles), MOST_CYCLES);
    let used = 0;
    while (used < budget) {
      const pc = r[15];
      const code = place(pc);
      if (code < 0) break;
      const op = halves[code >> 1];
      let next = (pc + 2) | 0;
      let took = 1;
      const low = op & 7;
      const mid = (op >> 3) & 7;
      const kind = KINDS[op];
      switch (kind) {
        case SLOW: core.cycles += used; return;
        case LSL: {
          const by = (op >> 6) & 31;
          const input = r[mid];
          if (by) core.C = (input & (1 << (32 - by))) !== 0;
          r[low] = logic(core, input << by);
          break;
        }
        case LSR: {
          const by = (op >> 6) & 31;
          const input = r[mid];
          core.C = ((input >>> (by ? by - 1 : 31)) & 1) !== 0;
          r[low] = logic(core, by ? input >>> by | 0 : 0);
          break;
        }
        case ASR: {
          const by = (op >> 6) & 31 || 32;
          const input = r[mid];
          core.C = ((input >> (by - 1)) & 1) !== 0;
          r[low] = logic(core, by < 32 ? input >> by : input >> 31);
          break;
        }
        case ADD_REG: r[low] = sum(core, r[mid], r[(op >> 6) & 7]); break;
        case SUB_REG: r[low] = difference(core, r[mid], r[(op >> 6) & 7]); break;
        case ADD_3: r[low] = sum(core, r[mid], (op >> 6) & 7); break;
        case SUB_3: r[low] = difference(core, r[mid], (op >> 6) & 7); break;
        case MOV_8: r[(op >> 8) & 7] = logic(core, op & 0xff); break;
        case CMP_8: difference(core, r[(op >> 8) & 7], op & 0xff); break;
        case ADD_8: r[(op >> 8) & 7] = sum(core, r[(op >> 8) & 7], op & 0xff); break;
        case SUB_8: r[(op >> 8) & 7] = difference(core, r[(op >> 8) & 7], op & 0xff); break;
        case AND: r[low] = logic(core, r[low] & r[mid]); break;
        case EOR: r[low] = logic(core, r[low] ^ r[mid]); break;
        case TST: logic(core, r[low] & r[mid]); break;
        case NEG: r[low] = difference(core, 0, r[mid]); break;
        case CMP: difference(core, r[low], r[mid]); break;
        case ORR: r[low] = logic(core, r[low] | r[mid]); break;
        case MUL: r[low] = logic(core, Math.imul(r[mid], r[low])); break;
        case BIC: r[low] = logic(core, r[low] & ~r[mid]); break;
        case MVN: r[low] = logic(core, ~r[mid]); break;
        case ADD_HIGH: r[((op >> 4) & 8) | low] += r[(op >> 3) & 15]; break;
        case CMP_HIGH: difference(core, r[((op >> 4) & 8) | low], r[(op >> 3) & 15]); break;
        case MOV_HIGH: {
          const from = (op >> 3) & 15;
          r[((op >> 4) & 8) | low] = from === 15 ? pc + 4 : r[from];
          break;
        }
        case BX: {
          const to = r[(op >> 3) & 15];
          if (to >>> 28 === EXCEPTION_RETURN) { core.cycles += used; return; }
          next = to & ~1;
          took = 2;
          break;
        }
        case BLX: {
          const to = r[(op >> 3) & 15];
          r[14] = next | 1;
          next = to & ~1;
          took = 2;
          break;
        }
        case LDR_PC: {
          const at = place(((next + 2) & ~3) + ((op & 0xff) << 2));
          if (at < 0) { core.cycles += used; return; }
          r[(op >> 8) & 7] = words[at >> 2];
          took = 2;
          break;
        }
        case LDR: case LDR_5: case LDR_SP: {
          const address = kind === LDR ? r[mid] + r[(op >> 6) & 7]
            : kind === LDR_5 ? r[mid] + ((op >> 4) & 0x7c) : r[13] + ((op & 0xff) << 2);
          const at = place(address);
          if (at < 0 || at & 3) { core.cycles += used; return; }
          r[kind === LDR_SP ? (op >> 8) & 7 : low] = words[at >> 2];
          took = 2;
          break;
        }
        case LDRH: case LDRH_5: case LDRSH: {
          const at = place(kind === LDRH_5 ? r[mid] + ((op >> 5) & 0x3e) : r[mid] + r[(op >> 6) & 7]);
          if (at < 0 || at & 1) { core.cycles += used; return; }
          r[low] = kind === LDRSH ? (halves[at >> 1] << 16) >> 16 : halves[at >> 1];
          took = 2;
          break;
        }
        case LDRB: case LDRB_5: case LDRSB: {
          const at = place(kind === LDRB_5 ? r[mid] + ((op >> 6) & 31) : r[mid] + r[(op >> 6) & 7]);
          if (at < 0) { core.cycles += used; return; }
          r[low] = kind === LDRSB ? (bytes[at] << 24) >> 24 : bytes[at];
          took = 2;
          break;
        }
        case STR: case STR_5: case STR_SP: {
          const address = kind === STR ? r[mid] + r[(op >> 6) & 7]
            : kind === STR_5 ? r[mid] + ((op >> 4) & 0x7c) : r[13] + ((op & 0xff) << 2);
          const at = place(address);
          if (at < ramAt || at & 3) { core.cycles += used; return; }
          words[at >> 2] = r[kind === STR_SP ? (op >> 8) & 7 : low];
          took = 2;
          break;
        }
        case STRH: case STRH_5: {
          const at = place(kind === STRH ? r[mid] + r[(op >> 6) & 7] : r[mid] + ((op >> 5) & 0x3e));
          if (at < ramAt || at & 1) { core.cycles += used; return; }
          halves[at >> 1] = r[low];
          took = 2;
          break;
        }
        case STRB: case STRB_5: {
          const at = place(kind === STRB ? r[mid] + r[(op >> 6) & 7] : r[mid] + ((op >> 6) & 31));
          if (at < ramAt) { core.cycles += used; return; }
          bytes[at] = r[low];
          took = 2;
          break;
        }
        case ADR: r[(op >> 8) & 7] = (pc & ~3) + 4 + ((op & 0xff) << 2); break;
        case ADD_SP: r[(op >> 8) & 7] = r[13] + ((op & 0xff) << 2); break;
        case SP_UP: r[13] += (op & 0x7f) << 2; break;
        case SP_DOWN: r[13] -= (op & 0x7f) << 2; break;
        case SXTH: r[low] = (r[mid] << 16) >> 16; break;
        case SXTB: r[low] = (r[mid] << 24) >> 24; break;
        case UXTH: r[low] = r[mid] & 0xffff; break;
        case UXTB: r[low] = r[mid] & 0xff; break;
        case PUSH: {
          const top = place(r[13] - 4); // the first word below: the stack may be empty
          if (top < ramAt + STACK_ROOM || top & 3) { core.cycles += used; return; }
          let at = (top >> 2) + 1;
          if (op & 0x100) words[--at] = r[14];
          for (let i = 7; i >= 0; i--) if (op & (1 << i)) { words[--at] = r[i]; took++; }
          r[13] = RAM + ((at << 2) - ramAt);
          break;
        }
        case POP: {
          const bottom = place(r[13]);
          if (bottom < ramAt || bottom & 3 || place(r[13] + STACK_ROOM) < 0) { core.cycles += used; return; }
          let at = bottom >> 2;
          if (op & 0x100) {
            let count = 0;
            for (let bits = op & 0xff; bits; bits &= bits - 1) count++;
            const to = words[at + count];
            if (to >>> 28 === EXCEPTION_RETURN) { core.cycles += used; return; }
            next = to & ~1;
            took = 3;
          }
          for (let i = 0; i < 8; i++) if (op & (1 << i)) { r[i] = words[at++]; took++; }
          r[13] = RAM + ((at << 2) - ramAt) + (op & 0x100 ? 4 : 0);
          break;
        }
        case B_IF:
          if (holds(core, (op >> 8) & 15)) {
            next = pc + 4 + ((op << 24) >> 23);
            took = 2;
          }
          break;
        case B:
          next = pc + 4 + ((op << 21) >> 20);
          took = 2;
          break;
        case BL: {
          const op2 = halves[(code >> 1) + 1];
          if ((op2 & 0xd000) !== 0xd000) { core.cycles += used; return; }
          const sign = (op >> 10) & 1;
          const i1 = 1 - (sign ^ ((op2 >> 13) & 1));
          const i2 = 1 - (sign ^ ((op2 >> 11) & 1));
          const high = (sign ? 0xff000000 : 0) | (i1 << 23) | (i2 << 22);
          r[14] = (pc + 4) | 1;
          next = pc + 4 + (high | ((op & 0x3ff) << 12) | ((op2 & 0x7ff) << 1));
          took = 3;
          break;
        }
      }
      r[15] = next;
      used += took;
    }
    core.cycles += used;
  };
}
