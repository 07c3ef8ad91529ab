// The fold, held against saga's own stories: what stands below the line of each
// file of saga/testdata was written by Go. How the files are written is told in
// saga/history_test.go, whose other half this is. Errors are compared as such;
// their wording is each language's own.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';

import { decide, fold, open, outstanding, contextOf, stuck, tries } from './fold.mjs';
import * as wire from './wire.mjs';

const stories = new URL('../../../../saga/testdata/', import.meta.url);
const epoch = wire.instant('2026-01-01T00:00:00Z');
const at = (seq) => epoch + BigInt(seq) * 1_000_000_000n;

const files = readdirSync(stories).filter((name) => name.endsWith('.txt'));
assert.ok(files.length > 50, 'the stories are gone');
for (const name of files) {
  test(name.replace('.txt', ''), () => {
    const [script, want] = readFileSync(new URL(name, stories), 'utf8').split('----\n');
    assert.equal(plain(tell(script)), plain(want));
  });
}

/** JSON with its keys in order, and errors without their wording. */
function plain(text) {
  return text.split('\n').map((line) => {
    if (line.startsWith('refused:') || line.includes(' fold saga')) return line.replace(/(refused:|fold saga).*/, 'refused');
    const [, before, json] = /^(  (?:append \S+ )?)(\{.*\})$/.exec(line) ?? [];
    return json ? before + JSON.stringify(sorted(JSON.parse(json))) : line;
  }).join('\n');
}

function sorted(v) {
  if (v === null || typeof v !== 'object' || Array.isArray(v)) return v;
  return Object.fromEntries(Object.keys(v).sort().map((k) => [k, sorted(v[k])]));
}

function tell(script) {
  const roles = {}, history = [], questions = [];
  for (const line of script.split('\n')) {
    const words = line.split(/\s+/).filter(Boolean);
    if (words.length === 0 || line.startsWith('#')) continue;
    if (words[0] === 'role') roles[words[1]] = role(words[1], words.slice(2));
    else if (['ask', 'then', 'any'].includes(words[0])) questions.push(words);
    else history.push(event(words));
  }
  let s, told = '';
  try { told = say(s = fold(history)); } catch (err) { told = `refused: ${err.message}\n`; }
  for (const words of questions) {
    told += `\n${words.join(' ')}\n`;
    if (words[0] === 'then') told += `  ${next(history, event(words.slice(1)))}\n`;
    else if (words[0] === 'ask') told += answer(s, roles, history, words.slice(1));
    else {
      for (const kind of wire.kinds) {
        const e = anyOf(kind, words[1], words[2], Number(words[3]), s.seq + 1);
        if (history.some((h) => wire.same(h.subject, e.subject))) continue;
        told += `  ${wire.token(e.subject).padEnd(18)} ${next(history, e)}\n`;
      }
    }
  }
  return told;
}

function role(agent, words) {
  const policy = { maxRetries: 0, baseDelay: 0, maxDelay: 0, multiplier: 0, jitter: 0 };
  const r = {
    type: 'story', agent, step: agent, after: [], standIn: false, final: false, neverRefuses: false,
    retry: { ...policy }, undoRetry: policy, fallbacks: [], maxTakeovers: 5,
  };
  const set = {
    step: (v) => { r.step = v; }, after: (v) => { r.after = v.split(','); }, final: () => { r.final = true; },
    'stand-in': () => { r.standIn = true; }, takeovers: (v) => { r.maxTakeovers = Number(v); },
    fallback: (v) => { r.fallbacks = v.split(','); }, retries: (v) => { r.retry.maxRetries = Number(v); },
    'never-refuses': () => { r.neverRefuses = true; },
  };
  for (const word of words) {
    const [k, v] = word.split('=');
    set[k](v);
  }
  return r;
}

function event(words) {
  const seq = Number(words[0]);
  const [step, ...event] = words[1].split('.');
  const data = step === 'task' || step === 'saga' ? {} : { agent: step };
  let type = 'story', id = '1', body;
  for (const [i, word] of words.slice(2).entries()) {
    const key = word.split('=', 1)[0], value = word.slice(key.length + 1);
    if (key === 'type') type = value;
    else if (key === 'id') id = value;
    else if (key === 'data') { body = words.slice(2 + i).join(' ').slice('data='.length); break; }
    else if (key === 'after' || key === 'chain') data[key] = value.split(',');
    else if (key === 'attempt') data[key] = Number(value);
    else if (key === 'trigger') data[key] = { stream: 'SAGA_story', seq: Number(value) };
    else if (key === 'code') data.error = { code: value, message: 'it did not work' };
    else if (key === 'deadline') data[key] = wire.timeText(at(value));
    else if (key === 'person') data[key] = true;
    else if (['result', 'undo', 'context'].includes(key)) data[key] = new wire.Raw(value);
    else data[key] = value;
  }
  return {
    subject: wire.parse(`saga.${type}.${step}.${event.join('.')}.${id}`), seq, time: at(seq), id: `event-${seq}`, data: body ?? wire.encode(data),
  };
}

/** An event of a kind with data that make sense. */
function anyOf(kind, step, agent, n, seq) {
  const whole = ['submitted', 'rejected', 'committed', 'unwinding', 'saga.completed', 'saga.compensated', 'dismissed'].includes(kind);
  const s = { type: 'story', step: whole ? '' : step, kind, n: 0, agent: '', id: '1' };
  if (kind === 'failed' || kind === 'pending') s.n = n;
  if (kind === 'attempt') s.n = n + 1;
  if (['answered', 'undofailed', 'redo'].includes(kind)) s.n = 1;
  if (['undofailed', 'redo', 'fallback', 'compensate', 'compensated'].includes(kind)) s.agent = agent;
  return { subject: s, seq, time: at(seq), id: 'next', data: JSON.stringify({ agent, then: 'retry', outcome: 'completed' }) };
}

function next(history, e) {
  let s;
  try { s = fold([...history, e]); } catch (err) { return err.message.startsWith('fold saga') ? err.message : `fold saga: ${err.message}`; }
  if (s.void.length > 0 && s.void[s.void.length - 1].seq === e.seq) return 'void';
  const st = s.step(e.subject.step);
  return st ? `${s.status()}; ${st.name} ${st.status(s)}${flags(s, st)}` : s.status();
}

function answer(s, roles, history, words) {
  if (words[0] === 'expire') return moves(s.expire('me'));
  const r = roles[words[0]];
  switch (words[1]) {
    case 'settle': return moves(s.settle(r, 'me', at(words[2] ?? s.seq)));
    case 'uncleared': return moves(s.uncleared(r, 'me', { code: 'not_cleared', message: 'it did not work' }));
    case 'undo': return moves(s.settleUndo(r.step, r.agent));
    case 'input': return `  ${wire.encode(contextOf(s.input(r.after)))}\n`;
    case 'decide': {
      const committed = words[words.length - 1] === 'committed';
      const left = words[3] && words[3] !== 'committed' ? words[3] : 'nothing';
      const f = decide(r, s.step(r.step), { class: words[2], left, committed, error: {} }, 0);
      return `  left ${f.left}, then ${f.then} ${f.next ?? ''}${listed(', ', f.chain)}`.trimEnd() + '\n';
    }
  }
  let m = { stream: 'TIMERS', seq: 1 };
  if (words[2] === 'timer') m.timer = wire.decodeTimer(`timer.due.story.${r.agent}.${words[3]}.1`, () => undefined, '');
  else m = { stream: 'SAGA_story', seq: Number(words[2]), subject: history.find((e) => e.seq === Number(words[2])).subject };
  const { call, n, cause } = s.askedOf(r, m);
  return `  ${call === 'undo own' ? 'undo its own' : call}${n > 0 ? ` as attempt ${n}, cause ${cause}` : ''}\n`;
}

function moves(m) {
  let told = m.clear ? '  undo what it may have left, then\n' : '';
  for (const { subject, data } of m.events) told += `  append ${wire.print(subject).split('.')[2]}.${wire.token(subject)} ${wire.encode(data)}\n`;
  for (const t of m.timers) told += `  timer ${t.what}${t.n ? `-${t.n}` : ''} to ${t.to} at +${span(t.due - epoch)}, read to ${t.seq}\n`;
  return told || '  nothing\n';
}

/** A duration as Go prints it: 10m6s. */
function span(ns) {
  const all = Number(ns) / 1e9, h = Math.floor(all / 3600), m = Math.floor(all / 60) % 60;
  return `${h ? `${h}h` : ''}${h || m ? `${m}m` : ''}${Number((all % 60).toFixed(9))}s`;
}

function say(s) {
  const lines = [];
  const line = (key, text) => lines.push(`${key.padEnd(6)} ${text}`);
  line('saga', `${s.status()}, read to ${s.seq}`);
  if (s.task) line('task', s.task.data);
  if (s.deadline) line('due', `+${span(s.deadline - epoch)}`);
  if (s.rejected) line('reject', s.rejected.error.code);
  if (s.committed) line('pivot', `${s.committed.step} at ${s.committed.seq}`);
  if (s.turn) line('turn', `${`${s.turn.reason} ${s.turn.step}`.trim()} at ${s.turn.seq}`);
  if (s.end) line('end', `${s.end.forward ? 'forward' : 'back'} at ${s.end.seq}`);
  for (const st of s.steps) {
    line('step', `${st.name}${listed(' after ', st.after)}: ${st.status(s)}${flags(s, st)}`);
    for (const a of st.attempts) line('', `${a.n} by ${a.claim.agent} (${a.claim.cause}): ${fate(a)}`);
    if (st.done) line('', `${st.done.skipped ? 'skipped' : 'completed'} by ${st.done.agent}, attempt ${st.done.attempt}, at ${st.done.seq}`);
    for (const a of st.answers) line('', `answer ${a.k} to attempt ${a.attempt}: ${a.outcome || 'not readable'}`);
    if (st.handed.length > 0) line('', `handed to ${st.handed.join(', ')}`);
    for (const u of st.undos) line('', `undoing by ${u.agent}: ${undoing(u)}`);
    for (const agent of st.owing()) {
      const { undo, attempt } = st.token(agent);
      line('', `owed by ${agent}: attempt ${attempt} ${undo?.text ?? 'without a token'}`);
    }
  }
  for (const e of s.void) line('void', `${e.seq} ${wire.print(e.subject)}`);
  return lines.join('\n') + '\n';
}

const listed = (before, names) => (names?.length > 0 ? before + names.join(', ') : '');

function flags(s, st) {
  let said = '';
  if (st.working() && st.status(s) !== 'working') said += ', working';
  if (s.turned && st.resolved()) said += ', resolved';
  const a = st.answer();
  if (a && !st.done) said += `, answered ${a.outcome}`;
  return said + listed(', owes ', st.owing());
}

function fate(a) {
  const said = a.wait ? `pending on ${a.wait.waits_for}` : '';
  const f = a.failure;
  if (f) {
    const to = f.next ? ` to ${f.next}${listed(', ', f.chain)}` : '';
    return `${said}${said && ', then '}${f.class}, left ${f.left}, then ${f.then}${to}`;
  }
  if (open(a)) return 'open';
  if (a.void) return `${said}void`;
  return said || 'finished';
}

function undoing(u) {
  let said = u.order ? 'asked' : 'not asked for';
  if (u.failures.length > 0) said += `, failed ${u.failures.length} times, ${tries(u)} since asked last`;
  if (u.done) said += `, found ${u.done.found}`;
  if (stuck(u)) said += ', stuck';
  else if (outstanding(u)) said += ', outstanding';
  return said;
}
