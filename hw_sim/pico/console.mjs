// Knows the far end of the board's USB console; knows no firmware. rp2040js's own USBCDC answers every request for
// bytes at once, with none, so that the firmware asks again without end.
import { USBCDC } from "./rp2040js.mjs";

const PACKET = 64; // bytes of a full-speed bulk packet

export class Console {
  /** `said(bytes)`: what the firmware prints. */
  constructor(usb, said) {
    this.usb = usb;
    this.cdc = new USBCDC(usb);
    this.cdc.onSerialData = said;
    this.typed = [];
    this.asked = 0; // bytes that the firmware waits for
    usb.onEndpointRead = (endpoint, size) => {
      if (endpoint !== this.cdc.outEndpoint) return;
      this.asked = size;
      this.give();
    };
  }

  type(bytes) {
    this.typed.push(...bytes);
    this.give();
  }

  give() {
    if (!this.asked || !this.typed.length) return;
    const packet = Uint8Array.from(this.typed.splice(0, Math.min(this.asked, PACKET)));
    this.asked = 0;
    this.usb.endpointReadDone(this.cdc.outEndpoint, packet);
  }
}
