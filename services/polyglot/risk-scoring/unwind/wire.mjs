// What stands on the wire: subjects, guards, CloudEvents, the data of each kind
// of event, and timers. Values in, values out; the prose is in DESIGN.md, "On the
// wire", and the same as a document in `unwind export asyncapi`.
//
// JSON that belongs to others (a task, a result, an undo token) is kept as the
// text that came, as a Raw: JavaScript's numbers would round a 64-bit id, and
// another agent's token has to come back to it as it was. Times and durations are
// BigInt nanoseconds.

import { randomUUID } from 'node:crypto';

const MAX = { attempt: 999, answer: 9, redo: 9 };

/** The grammar: step is 'task', 'saga' or, where it is absent, a step; n is the range of its number. */
const grammar = {
  submitted: { event: 'submitted', step: 'task' },
  rejected: { event: 'rejected', step: 'task' },
  started: { event: 'started', guard: 'latch' },
  attempt: { event: 'attempt', n: [2, MAX.attempt], guard: 'latch' },
  failed: { event: 'failed', n: [1, MAX.attempt], guard: 'next' },
  pending: { event: 'pending', n: [1, MAX.attempt], guard: 'next' },
  answered: { event: 'answered', n: [1, MAX.answer] },
  fallback: { event: 'fallback', agent: true, guard: 'latch' },
  completed: { event: 'completed', guard: 'latch' },
  skipped: { event: 'skipped', guard: 'latch' },
  committed: { event: 'committed', step: 'saga', guard: 'latch' },
  unwinding: { event: 'unwinding', step: 'saga', guard: 'commit' },
  compensate: { event: 'compensate', agent: true },
  compensated: { event: 'compensated', agent: true },
  undofailed: { event: 'undofailed', n: [1, MAX.attempt], agent: true },
  redo: { event: 'redo', n: [1, MAX.redo], agent: true },
  'saga.completed': { event: 'completed', step: 'saga', guard: 'latch' },
  'saga.compensated': { event: 'compensated', step: 'saga' },
  dismissed: { event: 'dismissed', step: 'saga' },
};

export const kinds = Object.keys(grammar);
export const maxAnswer = MAX.answer;
export const maxRedo = MAX.redo;
export const isForward = (kind) => grammar[kind].guard === 'latch';

// --- names and subjects

const reserved = ['task', 'saga'];
const isName = (s) => /^[a-z][a-z0-9-]{0,62}$/.test(s);
const isID = (s) => /^[A-Za-z0-9_-]{1,64}$/.test(s);
export const isAgent = (s) => isName(s) && !reserved.includes(s);

/** The event's token: failed-2, undofailed-1-seat. */
export function token(s) {
  const g = grammar[s.kind];
  return [g.event, ...(g.n ? [s.n] : []), ...(g.agent ? [s.agent] : [])].join('-');
}

export const print = (s) => `saga.${s.type}.${grammar[s.kind].step ?? s.step}.${token(s)}.${s.id}`;

/** Reads a subject, and throws at whatever is not exactly the grammar. */
export function parse(subject) {
  const [saga, type, step, event, id, ...more] = subject.split('.');
  const bad = (why) => new Error(`parse subject "${subject}": ${why}`);
  if (saga !== 'saga' || id === undefined || more.length > 0) throw bad('want saga.<type>.<step>.<event>.<id>');
  const name = event.split('-', 1)[0];
  const room = reserved.includes(step) ? step : undefined;
  const kind = kinds.find((k) => grammar[k].event === name && grammar[k].step === room);
  if (!kind) throw bad(`no event "${name}" of "${step}"`);
  const g = grammar[kind];
  const s = { type, step: room ? '' : step, kind, n: 0, agent: '', id };
  let rest = event.slice(name.length + 1);
  if (g.n) {
    const digits = /^[1-9][0-9]*/.exec(rest)?.[0] ?? '';
    s.n = Number(digits);
    rest = rest.slice(digits.length + (g.agent ? 1 : 0));
  }
  if (g.agent) s.agent = rest;
  if (print(s) !== subject) throw bad(`it reads back as "${print(s)}"`);
  if (!isName(type) || !isID(id) || (!room && !isAgent(step))) throw bad('a name or the id is not allowed');
  if (g.n && (s.n < g.n[0] || s.n > g.n[1])) throw bad(`the number must be ${g.n.join(' to ')}`);
  if (g.agent && !isAgent(s.agent)) throw bad(`no agent "${s.agent}"`);
  return s;
}

const whole = (type, kind, id) => ({ type, step: '', kind, n: 0, agent: '', id });
export const latchOf = (type, id) => whole(type, 'unwinding', id);
export const ofSaga = whole;
export const ofStep = (type, step, kind, id, more) => ({ type, step, kind, n: 0, agent: '', id, ...more });
export const claimOf = (type, step, n, id) =>
  n === 1 ? ofStep(type, step, 'started', id) : ofStep(type, step, 'attempt', id, { n });
export const same = (a, b) => print(a) === print(b);

/** The slot that must be free for this one to be written; undefined: none. */
export function guardOf(s) {
  switch (grammar[s.kind].guard) {
    case 'latch': return latchOf(s.type, s.id);
    case 'next': return claimOf(s.type, s.step, s.n + 1, s.id);
    case 'commit': return whole(s.type, 'committed', s.id);
  }
}

// --- JSON that keeps what belongs to others as it came

/** A piece of JSON as text. */
export class Raw {
  constructor(text) { this.text = text; }
  get value() { return JSON.parse(this.text); }
  get size() { return Buffer.byteLength(this.text); }
}
export const raw = (value) => (value === undefined ? undefined : new Raw(JSON.stringify(value) ?? 'null'));

/** Prints a value as JSON; undefined and empty members are left out, as in the Go types. */
export function encode(v) {
  if (v instanceof Raw) return v.text;
  if (Array.isArray(v)) return `[${v.map(encode).join(',')}]`;
  if (v === null || typeof v !== 'object') return JSON.stringify(v ?? null);
  const members = Object.entries(v).filter(([, m]) => m !== undefined);
  return `{${members.map(([k, m]) => `${JSON.stringify(k)}:${encode(m)}`).join(',')}}`;
}

/** The members of an object's text, each with the text of its value. The text is valid JSON. */
function members(text) {
  const list = [];
  let i = text.indexOf('{') + 1;
  const space = () => { while (/\s/.test(text[i] ?? '')) i++; };
  const string = () => { for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++; i++; };
  for (;;) {
    space();
    if (text[i] === ',') { i++; continue; }
    if (text[i] === '}') return list;
    const key = i;
    string();
    const name = JSON.parse(text.slice(key, i));
    space();
    i++; // the colon
    space();
    const begin = i;
    for (let depth = 0; ; ) {
      if (text[i] === '"') { string(); } else {
        if ('{['.includes(text[i])) depth++;
        else if ('}]'.includes(text[i])) { if (depth === 0) break; depth--; } else if (text[i] === ',' && depth === 0) break;
        i++;
      }
    }
    list.push([name, text.slice(begin, i).trimEnd()]);
  }
}

// --- the data of events, as events/data.go has them

const typed = (zero, check) => ({ zero: () => zero, read: (text) => check(JSON.parse(text)) });
const must = (ok, v) => { if (!ok) throw new Error(`${JSON.stringify(v)} is of another type`); return v; };
const string = typed('', (v) => must(typeof v === 'string', v));
const int = typed(0, (v) => must(Number.isInteger(v), v));
const uint = typed(0, (v) => must(Number.isInteger(v) && v >= 0, v));
const flag = typed(false, (v) => must(typeof v === 'boolean', v));
const strings = typed(undefined, (v) => must(Array.isArray(v) && v.every((e) => e === null || typeof e === 'string'), v).map((e) => e ?? ''));
const moment = typed(undefined, (v) => instant(must(typeof v === 'string', v)));
const span = typed(undefined, (v) => nanos(must(typeof v === 'string', v)));
const json = { zero: () => undefined, read: (text) => new Raw(text), null: true };
const object = (text) => { must(text[0] === '{', JSON.parse(text)); return members(text); };
const map = (of) => ({ zero: () => undefined, read: (text) => Object.fromEntries(object(text).map(([k, v]) => [k, readAs(of, v)])) });
const optional = (shape) => ({ zero: () => undefined, read: shape.read });
/** A struct: what it does not know it lets pass, and names fit whatever their case, as Go reads them. */
const struct = (fields) => ({
  zero: () => Object.fromEntries(Object.entries(fields).map(([k, f]) => [k, f.zero()])),
  read: (text) => {
    const v = struct(fields).zero();
    for (const [name, value] of object(text)) {
      const key = name in fields ? name : Object.keys(fields).find((f) => f === name.toLowerCase());
      if (key && (value !== 'null' || fields[key].null)) v[key] = fields[key].read(value);
    }
    return v;
  },
});
const readAs = (shape, text) => (text === 'null' && !shape.null ? shape.zero() : shape.read(text));

const error = struct({ code: string, message: string });
const ref = struct({ digest: string, size: int });
const origin = struct({ saga: string, seq: uint });
const context = struct({ task: json, results: map(json), result_refs: map(ref), deadline: moment, committed: flag });
const claim = struct({
  agent: string, instance: string, after: strings, trigger: struct({ stream: string, seq: uint }), cause: string, deadline: moment,
  within: span, from: optional(origin),
});
const done = struct({
  agent: string, attempt: int, after: strings, result: json, result_ref: optional(ref), undo: json,
  context: optional(context), context_omitted: flag, from: optional(origin),
});
const end = struct({ result: map(json), result_refs: map(ref) });
const shapes = {
  rejected: struct({ agent: string, error }),
  started: claim, attempt: claim,
  failed: struct({
    agent: string, error, class: string, left: string, then: string, due: span, next: string, chain: strings,
    throttled: flag, raw: optional(struct({ text: string, cut: int })),
  }),
  pending: struct({ agent: string, waits_for: string, person: flag, question: string, within: span, undo: json }),
  answered: struct({
    outcome: string, attempt: int, by: string, reason: string, data: json, undo: json, error: optional(error), next: string, due: span,
  }),
  completed: done, skipped: done,
  committed: struct({ step: string, agent: string, attempt: int }),
  unwinding: struct({ reason: string, step: string, by: string, error: optional(error) }),
  compensate: struct({ reason: string, attempt: int, undo: json }),
  compensated: struct({ by: string, reason: string, found: string }),
  undofailed: struct({ error, then: string, due: span }),
  'saga.completed': end, 'saga.compensated': end,
};

/** Reads what an event says; throws when it is not readable. */
export function unpack(e) {
  try {
    JSON.parse(e.data);
    return readAs(shapes[e.subject.kind], e.data.trim());
  } catch (err) {
    throw new Error(`decode data of ${print(e.subject)}: ${err.message}`);
  }
}

// --- times

/** A duration such as "1.25s". */
export function nanos(text) {
  const m = /^([0-9]*)(?:\.([0-9]*))?s$/.exec(text);
  if (!m || (!m[1] && !m[2])) throw new Error(`duration "${text}": want seconds such as "1.25s"`);
  return BigInt(m[1]) * 1_000_000_000n + BigInt((m[2] ?? '').slice(0, 9).padEnd(9, '0'));
}

/** Prints a duration; none at all is left out. */
export function seconds(ns) {
  if (!ns) return undefined;
  const part = String(ns % 1_000_000_000n).padStart(9, '0').replace(/0+$/, '');
  return `${ns / 1_000_000_000n}${part && `.${part}`}s`;
}

/** A time such as 2026-01-01T00:00:00.5Z; the year one, with which Go says "none", is undefined. */
export function instant(text) {
  const m = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  const ms = m ? Date.parse(m[1] + m[3]) : NaN;
  if (Number.isNaN(ms)) throw new Error(`"${text}" is no time`);
  return text.startsWith('0001-01-01T00:00:00') ? undefined : BigInt(ms) * 1_000_000n + BigInt((m[2] ?? '').slice(0, 9).padEnd(9, '0'));
}

export function timeText(ns) {
  const part = String(ns % 1_000_000_000n).padStart(9, '0').replace(/0+$/, '');
  return new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().replace(/\.000Z$/, `${part && `.${part}`}Z`);
}

// --- CloudEvents, binary mode; structured mode and bare bodies are read too

const escape = (s) => Array.from(Buffer.from(s), (c) =>
  (c > 0x20 && c < 0x7f && c !== 0x22 && c !== 0x25 ? String.fromCharCode(c) : `%${c.toString(16).toUpperCase().padStart(2, '0')}`)).join('');
const unescape = (s) => { try { return decodeURIComponent(s); } catch { return s; } };

/** A new event. Its id is new: who appends again keeps the event, who decides again makes another. */
export const newEvent = (subject, source, cause, data) => ({
  subject, id: randomUUID(), source, causation: cause?.id, traceparent: cause?.traceparent, tracestate: cause?.tracestate, data: encode(data),
});

export function headersOf(e) {
  const h = {
    'ce-specversion': '1.0', 'ce-id': e.id, 'ce-type': `dev.unwind.${e.subject.kind}`, 'ce-source': e.source,
    'ce-subject': e.subject.id, 'ce-correlationid': e.subject.id, 'ce-causationid': e.causation,
  };
  const list = [...Object.entries(h).filter(([, v]) => v).map(([k, v]) => [k, escape(v)]), ...traceOf(e)];
  const guard = guardOf(e.subject);
  if (guard) list.push(['Nats-Expected-Last-Subject-Sequence', '0'], ['Nats-Expected-Last-Subject-Sequence-Subject', print(guard)]);
  return list;
}

/** The headers of W3C's trace context, which is read verbatim: what would have to be escaped is none. */
export const traceOf = (e) => ['traceparent', 'tracestate'].filter((name) => /^[ -~]+$/.test(e?.[name] ?? '')).map((name) => [name, e[name]]);

/** Reads an event; only a subject that is none throws. header(name) finds one whatever its case. */
export function decode(subject, header, data, seq, time) {
  const e = { subject: parse(subject), seq, time, data };
  const get = (name) => unescape(header(name) ?? '');
  Object.assign(e, {
    id: get('ce-id'), source: get('ce-source'), causation: get('ce-causationid'),
    traceparent: header('traceparent') ?? '', tracestate: header('tracestate') ?? '',
  });
  if ((header('content-type') ?? '').toLowerCase().startsWith('application/cloudevents')) unwrap(e);
  e.id ||= `seq-${seq}`;
  return e;
}

function unwrap(e) {
  try {
    const envelope = Object.fromEntries(members(must(e.data.trim()[0] === '{' && JSON.parse(e.data), e.data) && e.data));
    const attribute = (name) => (envelope[name] ? string.read(envelope[name]) : '');
    if (!attribute('specversion')) return;
    Object.assign(e, {
      id: attribute('id'), source: attribute('source'), causation: attribute('causationid'),
      traceparent: attribute('traceparent'), tracestate: attribute('tracestate'),
      data: envelope.data ?? Buffer.from(attribute('data_base64'), 'base64').toString(),
    });
  } catch { /* it is no envelope: then the body is the data */ }
}

// --- timers

export const timersOf = (type, to) => `timer.due.${type}.${to}.*.*`;
export const timerRest = (t) => `${t.type}.${t.to}.${t.what}${t.n ? `-${t.n}` : ''}.${t.id}`;

/** Reads a timer that came due. A body that says nothing is no error: the timer is still a question. */
export function decodeTimer(subject, header, body) {
  const m = /^timer\.due\.([^.]+)\.([^.]+)\.(?:(attempt|undo|answer)-([1-9][0-9]{0,2})|(deadline|advance))\.([^.]+)$/.exec(subject);
  if (!m || !isName(m[1]) || !(m[2] === 'saga' || isAgent(m[2])) || !isID(m[6])) throw new Error(`parse timer "${subject}": want timer.due.<type>.<to>.<what>.<id>`);
  return {
    type: m[1], to: m[2], what: m[3] ?? m[5], n: Number(m[4] ?? 0), id: m[6],
    seq: /^[0-9]+$/.test(body) ? Number(body) : 0,
    traceparent: header('traceparent') ?? '', tracestate: header('tracestate') ?? '',
  };
}
