// An agent over plain NATS, without a sidecar: it does what the fold says. Every
// message is worked on in the same order: claim, perform, say what came of it,
// settle what the history implies, acknowledge. Whatever crashes in between is
// found by whoever gets the message next. The same in Go is package saga/agent.
//
// Deliberately not here, and refused in agent.yaml: conditions (when), a pivot as
// the step's own setting, schemas, rate limits and breakers, outcomes that come
// later. A result of this agent's own may have 32 KiB, and one of another's that
// is on the shelf is not fetched. A saga in which others use all that is read
// right, and kept right. It always reads the history, where Go's agent believes a
// message that is fresh.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { roleOf } from './config.mjs';
import { attach, decide, decideUndo, fold, key, outstanding, PATIENCE, stuck, tries, undoKey, waiting } from './fold.mjs';
import { Log, Refusal } from './log.mjs';
import * as wire from './wire.mjs';

const MAX_RESULT = 32 << 10, MAX_TOKEN = 32 << 10, MAX_TEXT = 8 << 10;
const GRACE = 10_000; // ms that work under way may go on when the process is told to stop
const SLACK = 1000; // ms that a call may take to notice that its time is up

// --- what a handler may throw; any other error is tried again, and is trusted to have left nothing

export class Failure extends Error {
  constructor(cls, code, message, more = {}) { super(message); Object.assign(this, { class: cls, code, ...more }); }
}
/** The task is not acceptable to anybody: the saga turns. */
export const refuse = (code, message) => new Failure('refused', code, message);
/** This agent can't, the next in the chain may. */
export const unavailable = (code, message) => new Failure('unavailable', code, message);
/** Not sooner than after so many seconds. */
export const retryAfter = (s, message) => new Failure('transient', 'throttled', message, { retryAfter: BigInt(Math.round(s * 1e9)) });
/** It may have happened. */
export const unknown = (message) => new Failure('unknown', 'unknown', message);
/** The key was compensated: a late call, whose work is not wanted any more. */
export const dead = () => new Failure('unavailable', 'dead', 'this key was compensated');

class Overtaken extends Error {} // a later attempt was claimed: its message is its holder's to acknowledge
class Aside extends Error {} // the history makes no sense: that saga is put aside, and no other
class Stopped extends Error {}

/**
 * Runs an agent until SIGINT or SIGTERM. perform(task) returns {data, undo},
 * compensate(undo) returns 'undone' or 'nothing'; both are told in README.md.
 */
export async function run(config, handler, { servers = process.env.NATS_URL ?? 'nats://127.0.0.1:4222' } = {}) {
  const role = roleOf(config);
  const instance = `${role.agent}@${randomUUID().slice(0, 8)}`;
  const line = (level) => (msg, more = {}) => console.error(JSON.stringify({ time: new Date().toISOString(), level, msg, agent: role.agent, ...more }));
  const logger = { info: line('INFO'), warn: line('WARN'), error: line('ERROR') };
  let stop;
  const told = new Promise((resolve) => { stop = resolve; });
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
  const connected = Log.connect({ servers, name: role.agent, logger });
  const broker = servers.replace(/\/\/[^@,]*@/g, '//'); // without its password
  const alone = setTimeout(() => logger.warn('no broker answers yet, trying on', { broker }), 2000);
  const log = await Promise.race([connected, told.then(() => undefined)]);
  clearTimeout(alone);
  if (!log) process.exit(0); // told to stop before there was a broker
  await log.ensure(role.type);
  const agent = new Agent(log, config, role, handler, instance, logger);
  const all = agent.purposes().map((p) => log.consume(p, (d) => agent.serve(d, p.work)));
  logger.info('agent runs', { instance, after: role.after });
  await Promise.race([told, Promise.all(all)]);
  log.stopping = true;
  await Promise.race([Promise.all(all), sleep(GRACE).then(() => { log.gone = true; }), log.nc.closed()]);
  logger.info('agent stops', { instance });
  await log.close();
  process.exit(0);
}

class Agent {
  constructor(log, config, role, handler, instance, logger) {
    Object.assign(this, { log, config, role, handler, instance, logger, lease: config.lease / 1e6, timeout: config.timeout / 1e6 });
  }

  // --- what it listens to: three consumers of its own, and two that all agents of the type share

  purposes() {
    const { type, agent, step, after, standIn } = this.role;
    const events = (step, kind, more) => wire.print(wire.ofStep(type, step, kind, '*', more));
    const numbers = (n) => Array.from({ length: n }, (_, i) => i + 1);
    const forward = [events(step, 'fallback', { agent })];
    if (!standIn && after.length === 0) forward.push(`saga.${type}.task.submitted.*`);
    if (!standIn) forward.push(...after.flatMap((name) => [events(name, 'completed'), events(name, 'skipped')]));
    const back = [
      events(step, 'compensate', { agent }),
      ...numbers(wire.maxAnswer).map((n) => events(step, 'answered', { n })), ...numbers(wire.maxRedo).map((n) => events(step, 'redo', { n, agent })),
    ];
    const stream = `SAGA_${type}`;
    return [
      { name: `${agent}_forward`, stream, filters: forward, work: (d) => this.onForward(d), reach: this.config.deadline / 1e6 },
      { name: `${agent}_compensate`, stream, filters: back, work: (d) => this.onUndo(d) },
      { name: `${type}_${agent}`, stream: 'TIMERS', filters: [wire.timersOf(type, agent)], work: (d) => this.onTimer(d) },
      { name: '_unwinding', stream, filters: [`saga.${type}.saga.unwinding.*`], work: (d) => this.onTurn(d) },
      { name: `${type}_`, stream: 'TIMERS', filters: [wire.timersOf(type, 'saga')], work: (d) => this.onClock(d) },
    ].map((p) => ({ ...p, lease: this.lease, concurrency: this.config.concurrency }));
  }

  /** Keeps the lease while the work goes on, and acknowledges only what was settled. */
  async serve(d, work) {
    if (d.err) {
      this.logger.warn('a message that is no event is passed over', { subject: d.subject, why: d.err.message });
      return d.ack();
    }
    const beat = setInterval(d.extend, this.lease / 3);
    try {
      await work(d);
      d.ack();
    } catch (err) {
      const about = { subject: d.subject, seq: d.seq, why: err.message };
      if (err instanceof Overtaken) return this.logger.info('overtaken, let go', about);
      if (err instanceof Stopped) return this.logger.info('stopped before it was settled; the message comes again', about);
      if (err instanceof Aside) {
        this.logger.error('the saga is put aside: its history makes no sense', about);
        return d.ack();
      }
      this.logger.error('not settled; the message comes again', about);
      d.release(1000 * (1 + Math.random()));
    } finally {
      clearInterval(beat);
    }
  }

  // --- reading, writing, settling

  async history(id, atLeast) {
    const list = await this.log.history(this.role.type, id, atLeast, this.lease);
    try { return fold(list); } catch (err) { throw new Aside(err.message); }
  }

  append(subject, cause, data) { return this.log.append(wire.newEvent(subject, this.instance, cause, data)); }

  /** Appends, and gives a refusal back instead of throwing it. */
  try(subject, cause, data) {
    return this.append(subject, cause, data).then((seq) => ({ seq }), (err) => {
      if (err instanceof Refusal) return { seq: err.seq, refused: err.reason };
      throw err;
    });
  }

  slot(kind, id, more) { return wire.ofStep(this.role.type, this.role.step, kind, id, more); }

  async make({ events, timers }, cause) {
    let seq = 0;
    for (const { subject, data } of events) seq = Math.max(seq, (await this.try(subject, cause, data)).seq);
    for (const t of timers) await this.log.setTimer(t, cause);
    return seq;
  }

  /** Makes the moves that the history implies, and reads again after each, until it implies nothing more. */
  async settle(s, cause) {
    for (;;) {
      let m = s.settle(this.role, this.instance, cause?.time);
      if (m.clear) {
        const err = await this.clear(s);
        if (err && s.committed) {
          if (s.step(this.role.step).undone(this.role.agent)) throw err; // it can be said no more
          m = { events: [this.undoFailed(s, err)], timers: [] };
        } else if (err) {
          m = s.uncleared(this.role, this.instance, { code: 'not_cleared', message: text(err) });
        }
      }
      const seq = await this.make(m, cause);
      if (m.events.length === 0) return;
      const before = s;
      s = await this.history(s.id, seq);
      if (before.rejected && !s.rejected) throw new Error(`settle saga ${s.type}/${s.id}: it was committed before it could turn`);
      // Somebody who keeps no guard stands against it. Asked at once, the log would say the same for ever.
      if (s.seq === before.seq) throw new Error(`settle saga ${s.type}/${s.id}: what is owed was refused, and the history does not say why`);
    }
  }

  // --- forward

  onForward(d) { return this.judge({ stream: d.stream, seq: d.seq, subject: d.event.subject }, d.event, d.event.subject.id, d.seq); }

  /** Reads the history, at least up to a sequence, and does what it asks of this agent because of a message. */
  async judge(message, cause, id, atLeast) {
    const s = await this.history(id, atLeast);
    const { call, n, cause: why } = s.askedOf(this.role, message);
    if (call === 'undo own') return this.undoNow(s, cause);
    if (call === 'pass') {
      const answer = this.concerned(s);
      return answer ? this.conclude(this.waitingOf(s, message, cause), answer) : this.settle(s, cause);
    }
    const step = s.step(this.role.step), after = step?.after ?? this.role.after;
    return this.attempt({ message, cause, id, n, why, giveUp: call === 'give up', step, after, input: s.input(after), length: s.length, began: Date.now() });
  }

  /** Claims an attempt, performs the step, and says what came of it. */
  async attempt(a) {
    if (a.why === 'task') {
      if (!isJSON(a.input.task.text)) return this.reject(a);
      a.input.deadline = a.cause.time + BigInt(this.config.deadline);
      await this.log.setTimer({ type: this.role.type, to: 'saga', what: 'deadline', id: a.id, due: a.input.deadline, seq: a.cause.seq }, a.cause);
    }
    const again = await this.claim(a);
    if (again) return this.judge(a.message, a.cause, a.id, again);
    if (a.giveUp) {
      const error = a.step.undone(this.role.agent)
        ? { code: 'undone', message: 'its agent has undone its part, and can say so only once' }
        : { code: 'takeovers', message: `its agent died ${this.role.maxTakeovers + 1} times at it` };
      return this.fail(a, { class: 'unknown', left: 'unknown', givenUp: true, error });
    }
    if (a.why === 'answer') return this.conclude(a, wire.unpack(a.cause));
    let work;
    try { work = await this.perform(a); } catch (err) {
      if (this.log.gone) throw new Stopped();
      this.logger.warn('attempt failed', { saga: a.id, attempt: a.n, class: err.class ?? 'transient', code: err.code });
      return this.fail(a, setback(err));
    }
    return this.complete(a, work);
  }

  /** Appends the claim. When it is not to be, it says up to where to read before deciding again. */
  async claim(a) {
    const { seq, refused } = await this.try(wire.claimOf(this.role.type, this.role.step, a.n, a.id), a.cause, {
      agent: this.role.agent, instance: this.instance, after: a.after, trigger: { stream: a.message.stream, seq: a.message.seq },
      cause: a.why, deadline: a.why === 'task' ? wire.timeText(a.input.deadline) : undefined,
    });
    if (refused) return Math.max(seq, a.cause.seq ?? 0, 1);
    a.claimed = seq;
    if (a.n === 1) return 0;
    // Between the look and the claim, a late replica may have said what came of its attempt, or the saga may have turned.
    const s = await this.history(a.id, seq);
    Object.assign(a, { step: s.step(this.role.step), length: s.length });
    const off = !s.forward || a.step.done || a.step.attempts[a.n - 1].void || (a.step.undone(this.role.agent) && !a.giveUp);
    return off ? seq : 0;
  }

  async perform(a) {
    const { type, step, agent } = this.role;
    const left = a.input.deadline ? Math.min(this.timeout, Number(a.input.deadline / 1_000_000n) - Date.now()) : this.timeout;
    const results = Object.fromEntries(Object.entries(a.input.results).map(([name, r]) => [name, r.value]));
    const task = {
      type, id: a.id, step, agent, attempt: a.n, key: key(this.role, a.id, a.step?.rounds(agent).round),
      payload: a.input.task?.value, results, refs: a.input.result_refs, left: Math.max(0, left),
    };
    return sized((await this.call((signal) => this.handler.perform(task, signal))) ?? {});
  }

  /** Calls a handler's function within the timeout; one that goes on all the same is not waited for. */
  async call(f) {
    const signal = AbortSignal.timeout(this.timeout);
    const late = new Failure('unknown', 'timeout', `the call goes on after its timeout of ${this.timeout} ms`);
    let timer;
    const over = new Promise((_, reject) => { timer = setTimeout(() => reject(late), this.timeout + SLACK); });
    try {
      return await Promise.race([f(signal), over]);
    } catch (err) {
      throw err.name === 'TimeoutError' || err.name === 'AbortError' ? new Failure('unknown', 'timeout', text(err)) : err;
    } finally { clearTimeout(timer); }
  }

  /** What was held for less than half a lease nobody has taken over. */
  late(a) { return Date.now() - a.began >= this.lease / 2; }

  async complete(a, work) {
    if (this.late(a)) {
      // The latch guards a completion, the next attempt does not: who is late looks before.
      const s = await this.history(a.id, a.claimed);
      if (s.step(this.role.step)?.overtaken(a.n)) return this.unrecorded(s, a, work);
    }
    const done = attach({ agent: this.role.agent, attempt: a.n, after: a.after, result: work.data, undo: work.undo }, a.input);
    const { seq, refused } = await this.try(this.slot('completed', a.id), a.cause, done);
    if (!refused && a.n === 1 && !this.role.final && !this.late(a)) return undefined;
    const s = await this.history(a.id, Math.max(seq, a.claimed));
    // skipped has a slot of its own: a twin with another configuration may have written it.
    return refused || s.step(this.role.step)?.done?.skipped ? this.unrecorded(s, a, work) : this.settle(s, a.cause);
  }

  /** What becomes of an effect whose completion is not to be: nobody will ask to undo it, unless a twin recorded it. */
  unrecorded(s, a, work) {
    const st = s.step(this.role.step), lost = st?.lost(this.role.agent);
    if (st?.done && !lost) return this.settle(s, a.cause);
    if (st && (s.turned || lost)) return this.undoNow(s, a.cause, work.undo);
    if (st?.overtaken(a.n)) throw new Overtaken();
    throw new Error(`append completed of step "${this.role.step}" to saga ${s.type}/${s.id}: it was refused, and the history does not say why yet`);
  }

  fail(a, b) {
    const throttled = Boolean(b.throttled) && a.length < PATIENCE;
    return this.tell(a, decide(this.role, a.step, { ...b, throttled, committed: a.input.committed }, Math.random()));
  }

  /** Says a failure that was decided on, and settles it: the latch may have come first. */
  async tell(a, f) {
    const { seq, refused } = await this.try(this.slot('failed', a.id, { n: a.n }), a.cause, f);
    const s = await this.history(a.id, Math.max(seq, a.claimed));
    if (refused !== 'guarded') return s.orphaned(this.role) ? this.undoNow(s, a.cause) : this.settle(s, a.cause);
    // Overtaken. What this one left is undone with the rest, unless the rest was undone before.
    if (s.step(this.role.step)?.lost(this.role.agent) && f.left === 'unknown') await this.undoNow(s, a.cause);
    throw new Overtaken();
  }

  /** Says why the task is not acceptable. In a saga that is committed the step fails instead, and a person ends it. */
  async reject(a) {
    const error = { code: 'rejected', message: 'the task is not JSON' };
    const { seq } = await this.try(wire.ofSaga(this.role.type, 'rejected', a.id), a.cause, { agent: this.role.agent, error });
    const s = await this.history(a.id, Math.max(seq, a.cause.seq));
    if (!s.committed) return this.settle(s, a.cause);
    const again = await this.claim(a);
    if (again) return this.judge(a.message, a.cause, a.id, again);
    a.input.committed = true;
    return this.fail(a, { class: 'refused', left: 'nothing', back: true, error });
  }

  // --- from outside: what is said of this agent's step by somebody else

  /** The answer to what an attempt of this agent waits for (a twin in another language may let it wait). */
  concerned(s) {
    const st = s.step(this.role.step);
    return st && !st.done && s.forward && waiting(st.last) && st.last.claim.agent === this.role.agent ? st.answer() : undefined;
  }

  waitingOf(s, message, cause) {
    const step = s.step(this.role.step);
    return {
      message, cause, id: s.id, n: step.last.n, after: step.after, input: s.input(step.after), step, length: s.length, claimed: s.seq, began: Date.now(),
    };
  }

  async onAnswer(d) {
    const { id } = d.event.subject;
    let s = await this.history(id, d.seq);
    if (!s.step(this.role.step)) return undefined;
    await this.judge({ stream: d.stream, seq: d.seq, subject: d.event.subject }, d.event, id, s.seq);
    s = await this.history(id, s.seq);
    // Somebody says that this agent's part was done, only now that nobody wants it: it is undone, or undone again.
    const st = s.step(this.role.step), me = this.role.agent, a = st.answers.find((b) => b.seq === d.seq), u = st.undo(me);
    if (a?.outcome !== 'completed' || st.attempts[a.attempt - 1]?.claim.agent !== me) return undefined;
    const before = st.roundOf(a.attempt) < st.rounds(me).round;
    const unwanted = before || (s.turned ? (u ? u.redoSeq <= d.seq : s.ended) : st.last.claim.agent !== me || st.lost(me));
    if (!unwanted) return undefined;
    if (!before && s.turned && !u) return this.undoNow(s, d.event, a.undo);
    if (!before && s.turned && u.redos < wire.maxRedo) {
      return this.try(this.slot('redo', id, { n: u.redos + 1, agent: me }), d.event, { by: this.instance, reason: 'an answer came too late' });
    }
    return this.compensate(this.order(s, a.attempt, a.undo));
  }

  /** Makes the outcome of an attempt of what somebody outside says of it. */
  conclude(a, said) {
    const numbered = { ...a, n: Math.max(a.n, a.step.attempts.length) };
    if (said.outcome === 'completed') {
      try {
        return this.complete(a, sized({ data: said.data, undo: said.undo ?? a.step.token(this.role.agent).undo }));
      } catch (err) { return this.fail(numbered, setback(err)); }
    }
    const kept = a.step.token(this.role.agent).undo || a.step.mayHaveLeft(this.role.agent) ? 'unknown' : 'nothing';
    const error = said.error ?? { code: said.outcome, message: said.reason || `so says ${said.by || 'somebody outside'}` };
    switch (said.outcome) {
      case 'refused': return this.fail(numbered, { class: 'refused', left: kept, error });
      case 'expired': return this.fail(numbered, { class: 'unknown', left: 'unknown', givenUp: true, error });
      case 'retry': return this.tell(numbered, {
        agent: this.role.agent, error, class: 'transient', left: kept, then: 'retry', next: said.next || undefined, due: wire.seconds(said.due),
      });
      default: return this.fail(numbered, { class: 'unavailable', left: kept, error });
    }
  }

  /** No answer came in time: that is said in the same slot, so one of the two is heard. */
  async expire(t, asked) {
    for (let seq = t.seq; ;) {
      const s = await this.history(t.id, seq), st = s.step(this.role.step);
      if (!st || !s.waits(st) || st.last.n !== t.n) return this.settle(s, asked);
      const said = { outcome: 'expired', attempt: t.n, by: this.instance, error: { code: 'no_answer', message: `no answer came within ${wire.seconds(st.last.wait.within)}` } };
      const taken = [...st.answers.map((a) => a.k), ...s.void.filter((e) => e.subject.kind === 'answered' && e.subject.step === st.name).map((e) => e.subject.n)];
      const n = Math.max(0, ...taken) + 1;
      if (n > wire.maxAnswer) return this.conclude(this.waitingOf(s, { stream: '', seq: 0 }, asked), said);
      const written = await this.try(this.slot('answered', t.id, { n }), asked, said);
      if (!written.refused) return undefined;
      seq = Math.max(seq, written.seq, s.seq);
    }
  }

  // --- back

  async onUndo(d) {
    const { kind, id } = d.event.subject;
    if (kind === 'answered') return this.onAnswer(d);
    const s = await this.history(id, d.seq), st = s.step(this.role.step);
    if (!st) return undefined;
    const u = st.undo(this.role.agent);
    // An order that comes again after a failed try is answered already: its timer will ask.
    return !u || (u.done && kind !== 'redo') || tries(u) > 0 ? this.settleUndo(s, d.event) : this.undoNow(s, d.event);
  }

  /** Tries to undo what this agent did, says what came of it, and advances. */
  async undoNow(s, cause, token) {
    const known = s.step(this.role.step)?.token(this.role.agent) ?? { attempt: 1 };
    let draft, failed = false;
    try {
      const found = await this.compensate(this.order(s, known.attempt, token ?? known.undo));
      draft = { subject: this.slot('compensated', s.id, { agent: this.role.agent }), data: { by: this.instance, found } };
      this.logger.info('undone', { saga: s.id, found });
    } catch (err) {
      if (this.log.gone) throw new Stopped();
      this.logger.warn('undoing failed', { saga: s.id, why: err.message });
      [draft, failed] = [this.undoFailed(s, err), true];
    }
    const seq = await this.make({ events: [draft], timers: [] }, cause);
    const now = await this.history(s.id, Math.max(seq, s.seq));
    return failed ? this.settleUndo(now, cause) : this.settle(now, cause);
  }

  undoFailed(s, err) {
    const u = s.step(this.role.step)?.undo(this.role.agent);
    return {
      subject: this.slot('undofailed', s.id, { n: (u?.failures.length ?? 0) + 1, agent: this.role.agent }),
      data: decideUndo(this.role, u, setback(err).error, Math.random()),
    };
  }

  order(s, attempt, token) {
    const st = s.step(this.role.step), { type, step, agent } = this.role;
    const round = st?.attempts[attempt - 1]?.claim.agent === agent ? st.roundOf(attempt) : st?.rounds(agent).round;
    return {
      type, id: s.id, step, agent, attempt, key: undoKey(this.role, s.id, round), of: key(this.role, s.id, round),
      reason: s.turn?.reason, token: token?.value,
    };
  }

  async compensate(order) {
    if (!this.handler.compensate || this.config.compensation_handler === 'none') return 'nothing';
    return (await this.call((signal) => this.handler.compensate(order, signal))) === 'nothing' ? 'nothing' : 'undone';
  }

  /** Undoes what may be left before the step is handed on; returns the error with which that failed. */
  async clear(s) {
    const { undo, attempt } = s.step(this.role.step).token(this.role.agent);
    try { await this.compensate(this.order(s, attempt, undo)); } catch (err) {
      if (this.log.gone) throw new Stopped();
      return err;
    }
    return undefined;
  }

  /** Sets the timer of the next try at undoing if one is owed, and settles the rest. */
  async settleUndo(s, cause) {
    await this.make(s.settleUndo(this.role.step, this.role.agent), cause);
    return this.settle(s, cause);
  }

  // --- timers, and what all agents of the type do for each other

  async onTimer({ stream, seq, time, timer: t }) {
    const asked = { time, traceparent: t.traceparent, tracestate: t.tracestate };
    if (t.what === 'answer') return this.expire(t, asked);
    if (t.what !== 'undo') return this.judge({ stream, seq, timer: t }, asked, t.id, t.seq);
    const s = await this.history(t.id, t.seq), u = s.step(this.role.step)?.undo(this.role.agent);
    return u && outstanding(u) && !stuck(u) && u.failures.length + 1 === t.n ? this.undoNow(s, asked) : this.settleUndo(s, asked);
  }

  /** The latch of any saga of the type: whichever agent is alive begins the way back. */
  async onTurn(d) { return this.settle(await this.history(d.event.subject.id, d.seq), d.event); }

  async onClock({ time, timer: t }) {
    const asked = { time, traceparent: t.traceparent, tracestate: t.tracestate };
    let s = await this.history(t.id, t.seq);
    if (s.id === '') return undefined; // it has left the stream
    if (t.what === 'deadline' && !s.turned) {
      const seq = await this.make(s.expire(this.instance), asked);
      s = await this.history(t.id, Math.max(seq, s.seq));
    }
    return this.settle(s, asked);
  }
}

// --- what a call returned, and what its error says

function sized({ data, undo }) {
  const json = (v) => (v === undefined || v instanceof wire.Raw ? v : wire.raw(v));
  const work = { data: json(data), undo: json(undo) };
  if ((work.data?.size ?? 0) > MAX_RESULT || (work.undo?.size ?? 0) > MAX_TOKEN) {
    throw new Failure('transient', 'bad_result', `the result has ${work.data?.size ?? 0} bytes and its token ${work.undo?.size ?? 0}: ${MAX_RESULT} are allowed`, { left: 'unknown' });
  }
  return work;
}

/** What an error means. A connection that was cut leaves its outcome unknown. */
function setback(err) {
  const cut = ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET'].includes(err.cause?.code ?? err.code);
  const known = err instanceof Failure;
  const cls = known ? err.class : cut ? 'unknown' : 'transient';
  return {
    class: cls, left: err.left ?? (cls === 'unknown' ? 'unknown' : 'nothing'), error: { code: (known && err.code) || cls, message: text(err) },
    retryAfter: err.retryAfter, throttled: err.retryAfter > 0n,
  };
}

const text = (err) => String(err?.message ?? err).slice(0, MAX_TEXT);
const isJSON = (s) => { try { JSON.parse(s); return true; } catch { return false; } };
