// Looks, for `unwind agent verify`, whether something of a saga is there: the cases
// in this agent's file, whatever the history says.
//
//	node world.mjs world <folder>   say where the agent is to keep them, until the input ends
//	node world.mjs effects          a line for each that is there

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [verb, folder] = process.argv.slice(2);
if (verb === 'world') {
  console.log(`KYC_STATE=${join(folder, 'state')}\n`);
  process.stdin.resume().on('end', () => process.exit(0));
} else if (verb === 'effects') {
  const file = join(process.env.KYC_STATE, 'risk-scoring.jsonl');
  const there = new Map();
  for (const text of existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []) {
    let line;
    try { line = JSON.parse(text); } catch { continue; }
    const before = there.get(line.key) ?? { done: 0, dead: false };
    there.set(line.key, line.op === 'undo' ? { ...before, dead: true } : { ...before, done: before.done + (before.dead ? 0 : 1) });
  }
  for (const [key, { done, dead }] of there) {
    if (done > 0 && !dead) console.log(JSON.stringify({ saga: key.split('/')[1], where: 'risk-scoring', count: 1 }));
  }
} else {
  console.error('want world <folder> or effects');
  process.exit(2);
}
