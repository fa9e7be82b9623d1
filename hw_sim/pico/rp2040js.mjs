// Knows where npm's rp2040js (MIT) lies on this machine: the first argument of the process. It is no part of watertower.
import { pathToFileURL } from "node:url";

export const { RP2040, USBCDC } = await import(pathToFileURL(process.argv[2]).href);
