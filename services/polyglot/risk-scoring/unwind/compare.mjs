// Answers, for the test that holds this fold against Go's, what every prefix of
// every history on stdin means: a line of JSON for a line of JSON. See
// services/polyglot/fold_test.go, which has the other half.

import { createInterface } from 'node:readline';

import { contextOf, decide, fold } from './fold.mjs';
import * as wire from './wire.mjs';

const classes = ['transient', 'unavailable', 'refused', 'unknown'];
const raw = (v) => { try { return JSON.parse(wire.encode(v)); } catch { return 'no JSON'; } }; // a task may be none

const movesOf = (m) => ({
  clear: m.clear,
  events: m.events.map((e) => [wire.print(e.subject), raw(e.data)]),
  timers: m.timers.map((t) => [`timer.set.${wire.timerRest(t)}`, wire.timeText(t.due), t.seq]),
});

function stepOf(s, st) {
  return {
    name: st.name, after: st.after, status: st.status(s), working: st.working(), resolved: st.resolved(), owing: st.owing(),
    tokens: st.owing().map((agent) => { const { undo, attempt } = st.token(agent); return [undo?.text ?? null, attempt]; }),
    last: st.last.n, answer: st.answer()?.k ?? 0, waits: s.waits(st), stranded: s.stranded(st),
    lost: st.agents().filter((agent) => st.lost(agent)).filter((a, i, all) => all.indexOf(a) === i).sort(),
    rounds: st.attempts.map((a) => st.roundOf(a.n)), voids: st.attempts.filter((a) => a.void).map((a) => a.n),
  };
}

function roleOf(s, r, messages) {
  const st = s.step(r.step);
  return {
    settle: movesOf(s.settle(r, 'me', s.time + 60_000_000_000n)), undo: movesOf(s.settleUndo(r.step, r.agent)), orphaned: s.orphaned(r),
    input: raw(contextOf(s.input(st?.after ?? r.after))),
    left: st ? st.mayHaveLeft(r.agent) : false,
    asked: messages.flatMap((m, i) => { const { call, n, cause } = s.askedOf(r, m); return call === 'pass' ? [] : [`${i} ${call} ${n} ${cause}`]; }),
    decide: classes.flatMap((c) => [false, true].map((committed) => {
      const f = decide(r, st, { class: c, left: 'nothing', committed, error: {} }, 0.25);
      return `${f.class} ${f.left} ${f.then} ${f.due ?? ''} ${f.next ?? ''} ${f.chain ?? ''}`;
    })),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { roles, events } = JSON.parse(line);
  const history = events.map((e) => ({ ...e, subject: wire.parse(e.subject), time: wire.instant(e.time) }));
  const answers = history.map((_, i) => {
    const prefix = history.slice(0, i + 1);
    let s;
    try { s = fold(prefix); } catch { return 'refused'; }
    const messages = prefix.map((e) => ({ stream: 'SAGA_story', seq: e.seq, subject: e.subject }));
    for (let n = 1; n < 5; n++) messages.push(...roles.map((r) => ({ stream: 'TIMERS', seq: 1, timer: { what: 'attempt', to: r.agent, n } })));
    return {
      status: s.status(), seq: s.seq, deadline: s.deadline ? wire.timeText(s.deadline) : '', void: s.void.map((e) => e.seq),
      expire: movesOf(s.expire('me')), steps: s.steps.map((st) => stepOf(s, st)), roles: roles.map((r) => roleOf(s, r, messages)),
    };
  });
  process.stdout.write(`${JSON.stringify(answers)}\n`);
}
