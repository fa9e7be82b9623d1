// Runs a MicroPython program in the official WebAssembly VM as if it were a process of its own: real files, stdout, exit
// code, and one blocking question to whoever started it. Knows nothing of the program.
// usage: node interpreter_node.mjs VM.mjs HEAP_KIB CODE FOLDER...   (HEAP_KIB 0: the VM's own default; never a hard cap)
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [vm, heapKib, code, ...folders] = process.argv.slice(2);

// --- blocking input and output; a pipe that the parent made non-blocking answers EAGAIN
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

function writeAll(fd, bytes) {
  for (let done = 0; done < bytes.length; ) done += insist(() => fs.writeSync(fd, bytes, done));
}

// The VM hands over single bytes: gathered to lines.
function gather(fd) {
  let bytes = [];
  const flush = () => { const full = Buffer.from(bytes); bytes = []; writeAll(fd, full); };
  const take = (chunk) => { for (const byte of chunk) { bytes.push(byte); if (byte === 10) flush(); } };
  return { flush, take };
}
const out = gather(1);
const err = gather(2);

const chunk = Buffer.alloc(65536);
let pending = Buffer.alloc(0);

function readLine() {
  const parts = [pending];
  let end = pending.indexOf(10);
  while (end < 0) {
    const count = insist(() => { try { return fs.readSync(0, chunk); } catch (e) { if (e.code === "EOF") return 0; throw e; } });
    if (count === 0) break;
    const part = Buffer.from(chunk.subarray(0, count));
    end = part.indexOf(10);
    parts.push(part);
  }
  const all = Buffer.concat(parts);
  const length = end < 0 ? all.length : all.length - parts.at(-1).length + end + 1;
  pending = all.subarray(length);
  return all.subarray(0, length).toString("utf8");
}

// The guest's `hostlink.call(line)`: one line out, one line in, both without the newline; "" when the other side has gone.
const hostlink = {
  call(line) {
    out.flush();
    writeAll(1, Buffer.from(line + "\n"));
    return readLine().replace(/\n$/, "");
  },
};

// --- real folders, read-only, at their real paths (this build of the VM has only files in memory)
const ENOENT = 44;

function folderType(FS) {
  const real = (node) => {
    const names = [];
    for (; node.parent !== node; node = node.parent) names.push(node.name);
    return path.join(node.mount.opts.root, ...names.reverse());
  };
  const stat = (file) => {
    try { return fs.statSync(file); } catch { throw new FS.ErrnoError(ENOENT); }
  };
  const node_ops = {
    getattr(node) {
      const s = stat(real(node));
      return { dev: 1, ino: node.id, mode: s.mode, nlink: 1, uid: 0, gid: 0, rdev: 0, size: s.size,
               atime: s.atime, mtime: s.mtime, ctime: s.ctime, blksize: 4096, blocks: Math.ceil(s.size / 4096) };
    },
    lookup: (parent, name) => create(parent, name, stat(path.join(real(parent), name)).mode),
    readdir: (node) => [".", "..", ...fs.readdirSync(real(node))],
  };
  const stream_ops = {
    open(stream) { if (FS.isFile(stream.node.mode)) stream.fd_real = fs.openSync(real(stream.node), "r"); },
    close(stream) { if (stream.fd_real !== undefined) fs.closeSync(stream.fd_real); },
    read: (stream, buffer, offset, length, position) => fs.readSync(stream.fd_real, buffer, offset, length, position),
    llseek(stream, offset, whence) {
      return offset + [0, stream.position, whence === 2 ? stat(real(stream.node)).size : 0][whence];
    },
  };
  function create(parent, name, mode) {
    const node = FS.createNode(parent, name, mode & ~0o222, 0);
    return Object.assign(node, { node_ops, stream_ops });
  }
  return { mount: (mount) => create(null, "/", stat(mount.opts.root).mode) };
}

// --- start
const { loadMicroPython } = await import(pathToFileURL(vm));
const options = { stdout: out.take, stderr: err.take, linebuffer: false };
if (heapKib !== "0") options.heapsize = Number(heapKib) * 1024;
const mp = await loadMicroPython(options);

const type = folderType(mp.FS);
const mounted = [];
for (const folder of [...new Set([...folders, process.cwd()])].sort((a, b) => a.length - b.length)) {
  if (folder === "/" || mounted.some((outer) => folder.startsWith(outer + path.sep))) continue;
  mp.FS.mkdirTree(folder);
  mp.FS.mount(type, { root: folder }, folder);
  mounted.push(folder);
}
mp.FS.chdir(process.cwd());
mp.registerJsModule("hostlink", hostlink);

let exit = 0;
try {
  mp.runPython(code);
} catch (error) {
  const text = String(error.message ?? error);
  const left = error.type === "SystemExit" ? /SystemExit: ?(.*)\s*$/.exec(text) : null;
  if (left) exit = left[1] === "" || left[1] === "None" ? 0 : /^-?\d+$/.test(left[1]) ? Number(left[1]) & 255 : 1;
  else { exit = 1; err.take(Buffer.from(text.trimEnd() + "\n")); }
}
out.flush();
err.flush();
process.exit(exit);
