// The step risk-scoring of the KYC saga, in JavaScript: it adds up what the steps
// before found against an applicant, and refuses who has too many points. It is
// smaller than its namesake in services/kyc: names are compared with a short list
// as they are, not as they sound.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { dead, refuse, run } from './unwind/agent.mjs';
import { duration, load } from './unwind/config.mjs';
import { Store } from './unwind/store.mjs';

const config = load(process.argv[2] ?? 'agent.yaml');
const { refuse_at: refuseAt, refused_names: refusedNames, takes } = config.settings;
const store = new Store(join(process.env.KYC_STATE || 'state', 'risk-scoring.jsonl'));

/** The words of a name, without accents, in any order. */
const words = (name) => name.normalize('NFD').replace(/\p{M}/gu, '').toUpperCase().split(/[^\p{L}]+/u).filter(Boolean).sort().join(' ');
const listed = new Set(refusedNames.map(words));

/** Adds up to 100 points; each reason says what it gives. */
function assess(name, document, findings, face) {
  const reasons = [];
  const add = (name, points, detail) => points > 0 && reasons.push({ name, points: Math.round(points), detail });
  const wanted = [name, `${document.given_names} ${document.surname}`].find((n) => listed.has(words(n)));
  if (wanted) add('screening', 80, `${wanted} is on the list`);
  for (const f of findings ?? []) add('document', f.severity === 'review' ? 10 : 100, `${f.code}: ${f.detail}`);
  const margin = face.similarity - face.threshold;
  add('face', margin < 0 ? 100 : 20 * Math.max(0, 1 - margin / 0.2), `similarity ${face.similarity.toFixed(3)}, threshold ${face.threshold}`);
  reasons.sort((a, b) => b.points - a.points);
  const score = Math.min(100, reasons.reduce((sum, r) => sum + r.points, 0));
  return { score, refuse_at: refuseAt, refused: score >= refuseAt, contributions: reasons };
}

await run(config, {
  async perform(task) {
    const { 'id-extraction': document, 'document-validation': judged, 'face-matching': face } = task.results;
    if (!document || !judged || typeof face?.similarity !== 'number') throw new Error('a step before answered nothing that can be weighed');
    const a = assess(task.payload.name, document, judged.findings, face);
    if (a.refused) throw refuse('risk', `risk ${a.score} of 100: ${a.contributions.map((r) => `${r.name} ${r.points} (${r.detail})`).join('; ')}`);
    const kept = store.do(task.key, a); // a case is opened
    if (!kept) throw dead();
    await sleep(duration(takes) / 1e6); // whatever goes wrong now, the case is there
    return { data: kept, undo: task.key };
  },
  async compensate(undo) { return store.undo(undo.of) ? 'undone' : 'nothing'; },
});
