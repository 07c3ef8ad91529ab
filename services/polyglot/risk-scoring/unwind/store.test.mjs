import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

import { Store } from './store.mjs';

function file(t) {
  const folder = mkdtempSync(join(tmpdir(), 'store-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'below', 'store.jsonl');
}

test('a key is done once, whoever asks', (t) => {
  const path = file(t), one = new Store(path), two = new Store(path);
  assert.deepEqual(one.do('a', { score: 1 }), { score: 1 });
  assert.deepEqual(two.do('a', { score: 2 }), { score: 1 }, 'the first result is the answer');
  assert.deepEqual(new Store(path).do('a', { score: 3 }), { score: 1 }, 'after a restart as well');
  assert.equal(readFileSync(path, 'utf8').match(/"op":"do"/g).length, 1);
});

test('a key that was undone stays dead', (t) => {
  const path = file(t), one = new Store(path), two = new Store(path);
  one.do('a', 1);
  assert.equal(two.undo('a'), true);
  assert.equal(one.do('a', 2), undefined);
  assert.equal(one.undo('a'), true, 'it may be asked for twice');
});

test('an undoing before the work leaves a tombstone', (t) => {
  const path = file(t), one = new Store(path);
  assert.equal(one.undo('a'), false);
  assert.equal(new Store(path).do('a', 1), undefined);
});

test('who is late with its line finds what stands above it', (t) => {
  const path = file(t), one = new Store(path);
  one.do('other', 1);
  appendFileSync(path, '\n{"key":"a","op":"undo"}\n{"key":"a","op":"do","result":7}\n'); // a twin, that read before the undoing
  assert.equal(one.do('a', 2), undefined, 'the line came after the tombstone');
});

test('half a line of a crash is passed over', (t) => {
  const path = file(t), one = new Store(path);
  one.do('a', 'ä');
  appendFileSync(path, '{"key":"b","op":"do","res');
  const two = new Store(path);
  assert.equal(two.do('b', 5), 5);
  assert.equal(two.do('a', 6), 'ä');
  assert.equal(one.do('b', 6), 5);
});
