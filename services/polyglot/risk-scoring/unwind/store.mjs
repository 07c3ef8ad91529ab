// What an agent did, by idempotency key, in a file of JSON lines that is only ever
// appended to. It keeps the three promises of a barrier: a key is done once, and
// done again it answers its first result; a key that was undone stays dead; and to
// undo what was never done leaves a tombstone, so that it is not done later.
//
// Several processes on one machine may share the file. There is no lock: a line is
// appended whole, the file has one order, and the first line of a key decides. So
// whoever has appended a line reads what stands above it, and only then knows.
//
// The file must be on a local disk. The effect is the line itself: for effects in
// other houses, see saga/barrier.

import { closeSync, fsyncSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export class Store {
  #keys = new Map(); // {done: what the first line said, dead: whether it was undone, first: its tag}
  #read = 0; // how far the file was read, in bytes
  #rest = '';

  constructor(path) {
    mkdirSync(dirname(path), { recursive: true });
    this.fd = openSync(path, 'a+', 0o600);
    this.tag = `${process.pid}-${Date.now().toString(36)}`;
    this.n = 0;
  }

  /** Does the work of a key once: keeps the result and answers it; undefined: the key is dead. */
  do(key, result) {
    this.#catchUp();
    if (!this.#keys.has(key)) this.#append({ key, op: 'do', result });
    const k = this.#keys.get(key);
    return k.dead ? undefined : k.result;
  }

  /** Undoes the work of a key for good; false: there was none to undo. */
  undo(key) {
    this.#catchUp();
    if (!this.#keys.get(key)?.dead) this.#append({ key, op: 'undo' });
    return this.#keys.get(key).result !== undefined;
  }

  #append(line) {
    // The line feed before it ends a line that a crash left half written.
    writeSync(this.fd, `\n${JSON.stringify({ ...line, by: `${this.tag}-${this.n++}` })}\n`);
    fsyncSync(this.fd);
    this.#catchUp();
  }

  /** Reads what was appended since, by whomever. */
  #catchUp() {
    const chunk = Buffer.alloc(64 << 10);
    let bytes = Buffer.from(this.#rest, 'latin1');
    for (let n; (n = readSync(this.fd, chunk, 0, chunk.length, this.#read)) > 0; this.#read += n) {
      bytes = Buffer.concat([bytes, chunk.subarray(0, n)]);
    }
    const lines = bytes.toString('latin1').split('\n');
    this.#rest = lines.pop();
    for (const line of lines) this.#apply(Buffer.from(line, 'latin1').toString());
  }

  #apply(text) {
    let line;
    try { line = JSON.parse(text); } catch { return; } // half a line of a crash, or the end of one
    const k = this.#keys.get(line.key) ?? {};
    if (line.op === 'undo') k.dead = true;
    else if (!k.dead && k.result === undefined) k.result = line.result ?? null;
    this.#keys.set(line.key, k);
  }

  close() { closeSync(this.fd); }
}
