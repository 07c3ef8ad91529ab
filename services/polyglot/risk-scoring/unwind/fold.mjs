// The judgement: what a history means, who may run, what follows a failure, what
// is owed on the way back. Values in, values out; no clock, no broker. It says what
// Go's package saga says, which tells the rules in prose (saga/doc.go), and is held
// against it: fold.test.mjs reads saga's own stories, and a test in Go compares
// every prefix of every history that its stage plays.

import * as wire from './wire.mjs';

const last = (list) => list[list.length - 1];
const MINUTE = 60_000_000_000n;

/** How long a saga that unwinds may stand still before somebody looks at it again. */
export const ADVANCE_AFTER = 10n * MINUTE;
/** So many attempts at a step are made, past its policy, before a person is asked in a saga that cannot turn. */
export const ENDLESS = 100;
/** So many events may a history have while a try that was throttled does not count. */
export const PATIENCE = 200;
const MAX_CONTEXT = 32 << 10;
const MAX_PAYLOAD = 512 << 10;

/** Reads a history. One that makes no sense throws: no guess is made. */
export function fold(history) {
  const s = new State();
  s.length = history.length;
  for (const e of [...history].sort((a, b) => a.seq - b.seq)) s.apply(e);
  return s;
}

const factOf = (e) => ({ id: e.id, seq: e.seq, time: e.time });

class State {
  type = ''; id = '';
  task; rejected; committed; turn; end; deadline;
  steps = []; void = [];
  length = 0; seq = 0; time;

  get turned() { return this.turn !== undefined; }
  get ended() { return this.end !== undefined; }
  get forward() { return !this.turned && !this.ended; }
  step(name) { return this.steps.find((st) => st.name === name); }

  apply(e) {
    const { kind, step, type, id } = e.subject;
    const bad = (why) => new Error(`fold saga ${type}/${id} at ${e.seq}: ${wire.token(e.subject)} ${why}`);
    if (this.id === '') Object.assign(this, { type, id });
    if (this.type !== type || this.id !== id) throw bad('is of another saga');
    Object.assign(this, { seq: e.seq, time: e.time });
    if (this.isVoid(e)) {
      this.void.push(e);
      const st = this.step(step);
      // It does not count, but its effect may be there, and its maker may die before it sees that.
      if (kind === 'completed' && st?.done?.skipped) st.strayed = wire.unpack(e);
      return;
    }
    switch (kind) {
      case 'submitted': this.task = e; return;
      case 'rejected': this.rejected = wire.unpack(e); return;
      case 'committed':
        this.committed = { ...wire.unpack(e), ...factOf(e) };
        this.rejected = undefined; // it did not turn the saga, and cannot any more
        return;
      case 'unwinding': this.turn = { ...wire.unpack(e), ...factOf(e) }; return;
      case 'saga.completed': case 'saga.compensated':
        if (kind === 'saga.compensated' && !this.turned) throw bad('of a saga that never turned');
        if (this.ended) throw bad('of a saga that ended');
        this.end = { ...wire.unpack(e), ...factOf(e), forward: kind === 'saga.completed' };
        return;
      case 'dismissed': return; // a person saw to what was not done: nobody decides by it
      case 'started': case 'attempt': this.claim(e, bad); return;
    }
    const st = this.step(step);
    if (!st) throw bad(`of step "${step}", which was never claimed`);
    st.apply(e, bad);
  }

  /** Whether an event came too late to count: the lower sequence wins. */
  isVoid(e) {
    const { kind, step, n } = e.subject;
    const st = this.step(step);
    switch (kind) {
      case 'unwinding': case 'rejected': return this.ended || this.committed !== undefined;
      case 'answered': case 'redo': return !st;
      case 'failed': case 'pending': return (st?.overtaken(n) ?? false) || this.voidClaim(step, n);
      case 'compensate': case 'compensated': case 'undofailed': return !st && this.voidClaim(step, 1);
      case 'completed': case 'skipped':
        return (st?.done !== undefined && st.done.skipped !== (kind === 'skipped')) || !this.forward;
      default: return wire.isForward(kind) && !this.forward;
    }
  }

  voidClaim(step, n) {
    return this.void.some((v) => wire.same(v.subject, wire.claimOf(this.type, step, n, this.id)));
  }

  claim(e, bad) {
    const claim = wire.unpack(e);
    if (!wire.isAgent(claim.agent)) throw bad(`by "${claim.agent}", which is no agent's name`);
    const n = Math.max(e.subject.n, 1);
    let st = this.step(e.subject.step);
    if (!st) {
      // What is taken over from another saga is claimed before any of it is said to be done.
      const missing = (claim.after ?? []).find((name) => !this.step(name) || (!this.step(name).done && claim.cause !== 'rerun'));
      if (missing !== undefined) throw bad(`after step "${missing}", which is not done`);
      st = new Step(e.subject.step, claim.after ?? []);
      this.steps.push(st);
    }
    if (n !== st.attempts.length + 1) throw bad(`of step "${st.name}", whose attempts so far are ${st.attempts.length}`);
    this.deadline ??= claim.within ? e.time + claim.within : claim.deadline;
    const before = st.attempts.length > 0 && st.last;
    st.attempts.push({
      n, claim, claimed: factOf(e), finished: false, said: false,
      // It took over an attempt that had an outcome: its claimer read too early.
      void: n > 1 && claim.cause === 'takeover' && Boolean(before.failure || before.wait),
    });
    st.finish();
  }

  /** What follows the last attempt of a step that is not done; then is '' while that is not known. */
  sequel(st) {
    const { failure: f, failed, claim } = st.last;
    if (!f) return { then: '', agent: '', seq: 0 };
    if (f.then === 'retry') return { then: f.then, agent: successor(st.last), due: failed.time + (f.due ?? 0n), seq: failed.seq };
    if (f.then !== 'person' && !(f.then === 'back' && this.committed)) return { then: f.then, agent: f.next, seq: failed.seq };
    const a = st.answer();
    if (a?.outcome === 'retry') return { then: 'retry', agent: a.next || claim.agent, due: a.time + (a.due ?? 0n), seq: a.seq };
    return { then: 'person', agent: f.next, seq: failed.seq };
  }

  waits(st) { return this.forward && !st.done && waiting(st.last) && !st.answer(); }
  /** The step failed in a saga that cannot turn any more: a person has to bring it to its end. */
  stranded(st) { return this.forward && !st.done && this.sequel(st).then === 'person' && !st.answer(); }

  status() {
    if (this.end?.forward) return 'completed';
    if (this.rejected && this.steps.length === 0) return 'rejected';
    if (this.ended) return 'compensated';
    if (this.steps.some((st) => st.undos.some(stuck) || this.stranded(st))) return 'stuck';
    if (this.turned) return 'unwinding';
    return this.steps.some((st) => this.waits(st)) ? 'waiting' : 'running';
  }

  // --- forward

  /** What a message asks of an agent: {call: 'pass' | 'run' | 'give up' | 'undo own', n, cause}. */
  askedOf(r, m) {
    const pass = { call: 'pass', n: 0, cause: '' };
    const undoOwn = { call: 'undo own', n: 0, cause: '' };
    const st = this.step(r.step);
    if (!st) return this.first(r, m) ?? pass;
    const { claim, failure, n } = st.last;
    const next = st.attempts.length + 1;
    const over = !this.forward || st.done;
    // Only the message that made a claim takes it over: it comes again only when its holder lost it.
    const mine = claim.trigger.stream === m.stream && claim.trigger.seq === m.seq && claim.agent === r.agent && open(st.last);
    const then = this.sequel(st);
    const timer = m.timer?.what === 'attempt' && m.timer.to === r.agent && m.timer.n > n && m.timer.n <= next;
    if ((mine && !st.undone(r.agent) && over) || this.orphaned(r)) return undoOwn;
    if (over) return pass;
    if (mine) {
      const given = st.takeovers(r.agent) >= r.maxTakeovers || st.undone(r.agent);
      return { call: given ? 'give up' : 'run', n: next, cause: 'takeover' };
    }
    if (!failure) return pass;
    if (then.agent === r.agent && then.then === 'retry' && timer) {
      return { call: st.undone(r.agent) ? 'give up' : 'run', n: next, cause: 'retry' };
    }
    if (then.agent === r.agent && then.then === 'fallback' && m.subject?.kind === 'fallback' && m.subject.agent === r.agent) {
      return { call: 'run', n: next, cause: 'fallback' };
    }
    const a = st.answer();
    if (then.then === 'person' && claim.agent === r.agent && a?.outcome === 'completed' && m.subject?.kind === 'answered' && m.subject.n === a.k) {
      return { call: 'run', n: next, cause: 'answer' };
    }
    return pass;
  }

  first(r, m) {
    if (r.standIn || !this.forward || this.rejected) return undefined;
    if (r.after.length === 0) return this.task && m.subject?.kind === 'submitted' ? { call: 'run', n: 1, cause: 'task' } : undefined;
    return r.after.every((name) => this.step(name)?.done) ? { call: 'run', n: 1, cause: 'step' } : undefined;
  }

  /** The saga goes forward without what this agent may have left: nobody will order it to be undone. */
  orphaned(r) {
    const st = this.step(r.step);
    if (!st || this.turned) return false;
    if (st.strayed?.agent === r.agent) return !st.undone(r.agent);
    const { claim, failure, wait } = st.last;
    return Boolean(st.done && st.done.agent !== r.agent && claim.agent === r.agent && (failure || wait)
      && st.owing().includes(r.agent) && !st.undone(r.agent));
  }

  // --- what is owed: events and timers that the history implies and does not say yet

  settle(r, by, asked) {
    if (this.ended) return moves();
    if (this.turned) return this.advance(asked);
    if (this.rejected) return this.latch({ reason: 'rejected', by, error: this.rejected.error });
    const st = this.step(r.step);
    if (!st) return moves();
    if (st.done) {
      if (!r.final) return moves();
      return moves([{ subject: wire.ofSaga(this.type, 'saga.completed', this.id), data: endWith(this.results()) }]);
    }
    const { failure, failed, claim, n } = st.last;
    if (waiting(st.last)) return this.overdue(st);
    const then = this.sequel(st);
    // What may be there must be gone before anybody else does the work, or two
    // providers charge. It is undone after the failure is written, never before.
    let dirty = Boolean(failure) && then.agent !== claim.agent && (failure.left === 'unknown' || st.saidOf(claim.agent));
    const u = st.undo(claim.agent);
    if (dirty && u?.done && u.doneSeq > failed.seq) dirty = false;
    else if (dirty && u && !u.done && this.committed && u.failures.length > 0) return this.settleUndo(st.name, u.agent);
    const notMine = dirty && claim.agent !== r.agent;
    switch (then.then) {
      case 'retry':
        if (notMine) return moves();
        return moves([], [{ type: this.type, to: then.agent, what: 'attempt', n: n + 1, id: this.id, due: then.due, seq: then.seq }], dirty);
      case 'fallback':
        if (notMine || st.handed.includes(then.agent)) return moves();
        return moves([{
          subject: wire.ofStep(this.type, st.name, 'fallback', this.id, { agent: then.agent }), data: { from: claim.agent, attempt: n },
        }], [], dirty);
      case 'back': return this.latch({ reason: 'failed', step: st.name, by, error: failure.error });
      default: return moves();
    }
  }

  /** When it could not be undone what may be left, nobody may do the work again. */
  uncleared(r, by, error) { return this.latch({ reason: 'failed', step: r.step, by, error }); }
  expire(by) { return this.forward ? this.latch({ reason: 'deadline', by }) : moves(); }
  latch(turn) { return this.committed ? moves() : moves([{ subject: wire.latchOf(this.type, this.id), data: turn }]); }

  /** The way back: what can be undone now, or the end, or a look at it later. */
  advance(asked) {
    if (!this.turned || this.ended) return moves();
    if (this.steps.every((st) => st.resolved())) {
      return moves([{ subject: wire.ofSaga(this.type, 'saga.compensated', this.id), data: {} }]);
    }
    const orders = [];
    for (const st of [...this.steps].reverse()) {
      if (st.resolved() || st.working() || this.followers(st.name).some((f) => !f.resolved())) continue;
      for (const agent of st.owing()) {
        const u = st.undo(agent);
        if (u && (u.order || u.done)) continue;
        const { undo, attempt } = st.token(agent);
        orders.push({
          subject: wire.ofStep(this.type, st.name, 'compensate', this.id, { agent }), data: { reason: this.turn.reason, attempt, undo },
        });
      }
    }
    const from = asked !== undefined && asked > this.time ? asked : this.time;
    return moves(orders, [{ type: this.type, to: 'saga', what: 'advance', n: 0, id: this.id, due: from + ADVANCE_AFTER, seq: this.seq }]);
  }

  /** The steps that followed one, directly or through steps that were skipped. */
  followers(name) {
    return this.steps.filter((st) => st.after.includes(name))
      .flatMap((st) => (st.done?.skipped ? [st, ...this.followers(st.name)] : [st]));
  }

  /** The timer of an agent's next try at undoing. */
  settleUndo(step, agent) {
    const u = this.step(step)?.undo(agent);
    if (!u || !outstanding(u) || tries(u) === 0 || stuck(u)) return moves();
    const f = last(u.failures);
    return moves([], [{
      type: this.type, to: agent, what: 'undo', n: u.failures.length + 1, id: this.id, due: f.time + (f.due ?? 0n), seq: f.seq,
    }]);
  }

  overdue(st) {
    const { wait, waited, claim, n } = st.last;
    if (!wait.within || st.answer()) return moves();
    return moves([], [{ type: this.type, to: claim.agent, what: 'answer', n, id: this.id, due: waited.time + wait.within, seq: waited.seq }]);
  }

  // --- what a step may read: the task and the results of all steps before it

  input(after) {
    const before = new Set();
    const visit = (names) => names.forEach((name) => {
      const st = this.step(name);
      if (st && !before.has(name)) { before.add(name); visit(st.after); }
    });
    visit(after);
    return {
      task: this.task && new wire.Raw(this.task.data), ...this.results((step) => before.has(step)),
      deadline: this.deadline, committed: this.committed !== undefined,
    };
  }

  results(keep = () => true) {
    const in_ = { results: {}, result_refs: {} };
    for (const st of this.steps) if (st.done && !st.done.skipped && keep(st.name)) remember(in_, st.name, st.done);
    return in_;
  }
}

class Step {
  attempts = []; answers = []; handed = []; undos = [];
  done; strayed;
  constructor(name, after) { Object.assign(this, { name, after }); }

  /** The attempt that was claimed last, of those that count. */
  get last() { return this.attempts.findLast((a) => !a.void) ?? this.attempts[0]; }
  overtaken(n) { return n < this.attempts.length; }
  undo(agent) { return this.undos.find((u) => u.agent === agent); }
  undone(agent) { return this.undo(agent)?.done !== undefined; }
  /** Somebody is on it, or will be. A completion by another agent does not end an attempt. */
  working() { return open(this.last) && !this.undone(this.last.claim.agent); }
  /** Nothing of it is left, and nobody is on it; only asked of a saga that turned. */
  resolved() { return !this.working() && this.owing().every((agent) => this.undone(agent)); }

  apply(e, bad) {
    const { kind, n, agent } = e.subject;
    switch (kind) {
      case 'failed': {
        const a = this.attempt(n, bad);
        Object.assign(a, { failed: factOf(e), failure: wire.unpack(e) });
        const { then, next } = a.failure;
        if ((then === 'fallback' || (then === 'retry' && next)) && !wire.isAgent(next)) throw bad(`of step "${this.name}": next is "${next}"`);
        if (!['retry', 'fallback', 'back', 'person'].includes(then)) throw bad(`of step "${this.name}": then "${then}"`);
        return;
      }
      case 'pending': Object.assign(this.attempt(n, bad), { waited: factOf(e), wait: wire.unpack(e) }); return;
      case 'answered': this.answered(e); return;
      case 'fallback': this.handed.push(agent); return;
      case 'completed': case 'skipped':
        if (this.done) throw bad(`of step "${this.name}", which is done`);
        this.done = { ...wire.unpack(e), ...factOf(e), skipped: kind === 'skipped' };
        if (!this.attempts.some((a) => a.claim.agent === this.done.agent)) throw bad(`by "${this.done.agent}", which never claimed it`);
        this.finish();
        return;
    }
    let u = this.undo(agent);
    if (!u) this.undos.push(u = { agent, failures: [], redos: 0, doneSeq: 0, redoSeq: 0 });
    switch (kind) {
      case 'compensate': u.order = wire.unpack(e); return;
      case 'compensated': Object.assign(u, { doneSeq: e.seq, done: wire.unpack(e) }); return;
      case 'undofailed': u.failures.push({ ...wire.unpack(e), ...factOf(e) }); return;
      case 'redo': Object.assign(u, { redoSeq: e.seq, redos: Math.max(u.redos, n) }); return;
      default: throw bad('is of an unknown kind');
    }
  }

  /** The attempt of an outcome. What becomes of one that waits is told under the number of a void takeover. */
  attempt(n, bad) {
    if (n > this.attempts.length) throw bad(`of step "${this.name}", whose attempts so far are ${this.attempts.length}`);
    const { last: l } = this;
    return this.attempts[n - 1].void && l.n < n && waiting(l) ? l : this.attempts[n - 1];
  }

  /** One agent has one key for all its attempts: what one of them did, the others find done. */
  finish() {
    for (const a of this.attempts) if (this.done && a.claim.agent === this.done.agent && !a.failure) a.finished = true;
  }

  /** An answer that cannot be read is kept and says nothing: a slip of the pen puts no saga aside. */
  answered(e) {
    let a = { outcome: '', attempt: 0, next: '' };
    try { a = wire.unpack(e); } catch { /* as above */ }
    if (a.attempt < 1) a.attempt = this.last.n;
    this.answers.push({ ...a, ...factOf(e), k: e.subject.n });
    if (a.outcome === 'completed' && a.attempt <= this.attempts.length) this.attempts[a.attempt - 1].said = true;
  }

  /** What was said of the last attempt: the first of the answers that speak of it. */
  answer() { return this.answers.find((a) => this.understands(a) && this.speaksOf(a, this.last)); }

  understands(a) {
    if (a.outcome === 'retry') return !a.next || (this.agents().includes(a.next) && !this.undone(a.next));
    return ['completed', 'refused', 'unavailable', 'expired'].includes(a.outcome);
  }

  speaksOf(a, l) {
    const ahead = a.outcome === 'completed' || a.outcome === 'retry';
    if (a.attempt > l.n || (l.failure && (!gaveUp(l) || a.seq < l.failed.seq || !ahead))) return false;
    return !this.attempts.slice(a.attempt - 1, l.n).some((b) => !b.void && (b.claim.agent !== l.claim.agent || (b.n < l.n && b.failure)));
  }

  agents() {
    return this.attempts.flatMap(({ claim, failure: f }) => [claim.agent, ...(f?.then === 'fallback' ? [f.next, ...(f.chain ?? [])] : [])]);
  }

  /** An agent's rounds at the step: how many, where the last begins, and who handed the step to it and gets it back. */
  rounds(agent) {
    let round = 1, begin = 0, before = '';
    const froms = {};
    this.attempts.forEach((a, i) => {
      if (a.void) return;
      const me = a.claim.agent;
      if (a.claim.cause === 'retry' && before !== me) {
        if (me === agent) { round++; begin = i; }
        if (froms[before] === me) delete froms[before];
        else froms[me] = before;
      }
      before = me;
    });
    return { round, begin, from: froms[agent] ?? '' };
  }

  roundOf(n) {
    const until = new Step(this.name, this.after);
    until.attempts = this.attempts.slice(0, n);
    return until.rounds(this.attempts[n - 1].claim.agent).round;
  }

  saidOf(agent) {
    return this.attempts.slice(this.rounds(agent).begin).some((a) => a.said && a.claim.agent === agent);
  }

  /** The agents whose work has to be undone if the saga turns, by their first attempts. */
  owing() {
    return [...new Set(this.attempts.filter((a, i) =>
      (a.wait && !a.failure) || a.failure?.left === 'unknown' || a.said || (open(a) && i < this.attempts.length - 1)
      || (this.done && !this.done.skipped && this.done.agent === a.claim.agent) || this.strayed?.agent === a.claim.agent,
    ).filter((a) => !takenOver(a)).map((a) => a.claim.agent))];
  }

  /** What undoing an agent's work needs, and the attempt that it speaks of. */
  token(agent) {
    if (this.strayed?.agent === agent) return { undo: this.strayed.undo, attempt: this.strayed.attempt };
    if (this.done?.agent === agent) return { undo: this.done.undo, attempt: this.done.attempt };
    const { begin } = this.rounds(agent);
    let undo, attempt = 0;
    for (const a of this.attempts.slice(begin).filter((b) => b.claim.agent === agent)) {
      attempt = a.n;
      undo = a.wait?.undo ?? undo;
    }
    for (const a of this.answers) {
      if (a.undo && a.attempt > begin && this.attempts[a.attempt - 1]?.claim.agent === agent) undo = a.undo;
    }
    return { undo, attempt };
  }

  /** The step is not the agent's any more: what it does now, nobody will order to be undone. */
  lost(agent) {
    if (this.undone(agent)) return true;
    if (this.done) return this.done.skipped || this.done.agent !== agent;
    return this.attempts.slice(this.rounds(agent).begin).some((a) => a.claim.agent === agent && handedOn(a));
  }

  /** How often an agent's attempts were taken over in a row: a failure in between says that it survived. */
  takeovers(agent) {
    const list = this.attempts.filter((a) => !a.void).reverse();
    const i = list.findIndex((a) => a.claim.agent !== agent || a.claim.cause !== 'takeover');
    return i < 0 ? list.length : i;
  }

  /** An attempt of the agent before its last one may have had an effect. */
  mayHaveLeft(agent) {
    return this.saidOf(agent) || this.attempts.slice(0, -1).some((a) =>
      a.claim.agent === agent && ((!a.failure && !a.void) || a.failure?.left === 'unknown'));
  }

  status(s) {
    const l = this.last;
    if (this.undos.some(stuck)) return 'stuck';
    if (this.undos.some((u) => !u.done)) return 'undoing';
    if (this.undos.length > 0 && this.resolved()) return 'compensated';
    if (this.done) return this.done.skipped ? 'skipped' : 'completed';
    if (open(l)) return 'working';
    if (!l.failure) return 'pending';
    if (s.stranded(this)) return 'stuck';
    if (s.turned || l.failure.then === 'back') return 'failed';
    return l.failure.then === 'fallback' ? 'handed-over' : 'retrying';
  }
}

// --- attempts, undos, moves

/** Nobody performs it: its result is another saga's, and so is what is to be undone of it. */
const takenOver = (a) => a.claim.cause === 'rerun';
export const open = (a) => !a.failure && !a.wait && !a.finished && !a.void && !takenOver(a);
export const waiting = (a) => Boolean(a.wait) && !a.failure && !a.finished;
const gaveUp = (a) => a.failure?.then === 'back' || a.failure?.then === 'person';
const successor = (a) => a.failure?.next || a.claim.agent;
const handedOn = (a) => a.failure?.then === 'fallback' || (a.failure?.then === 'retry' && successor(a) !== a.claim.agent);

export const outstanding = (u) => !u.done || u.redoSeq > u.doneSeq;
export const tries = (u) => u.failures.filter((f) => f.seq > u.redoSeq).length;
export const stuck = (u) => outstanding(u) && last(u.failures)?.then === 'person' && last(u.failures).seq > u.redoSeq;

const moves = (events = [], timers = [], clear = false) => ({ events, timers, clear });

/** Adds what a step answered to what may be read after it. */
export function remember(in_, step, done) {
  if (done.result_ref) in_.result_refs[step] = done.result_ref;
  else in_.results[step] = done.result ?? new wire.Raw('null');
  return in_;
}

const sizeOf = (in_) => Object.entries(in_.results).reduce((n, [step, r]) => n + step.length + r.size, 0)
  + Object.keys(in_.result_refs).reduce((n, step) => n + step.length + 128, 0);
const unlessEmpty = (map) => (Object.keys(map).length > 0 ? map : undefined);

/** The data of saga.completed; an end that the broker finds too large would never be written. */
function endWith(in_) {
  return sizeOf(in_) > MAX_PAYLOAD ? {} : { result: unlessEmpty(in_.results), result_refs: unlessEmpty(in_.result_refs) };
}

/** Puts the context into a completion if it fits. */
export function attach(done, in_) {
  if ((in_.task?.size ?? 0) + sizeOf(in_) > MAX_CONTEXT) return { ...done, context_omitted: true };
  return { ...done, context: contextOf(in_) };
}

export const contextOf = (in_) => ({
  task: in_.task ?? null, results: unlessEmpty(in_.results), result_refs: unlessEmpty(in_.result_refs),
  deadline: in_.deadline && wire.timeText(in_.deadline), committed: in_.committed || undefined,
});

// --- what follows a failure

export const key = (r, id, round = 1) => `${r.type}/${id}/${r.step}/${r.agent}${round < 2 ? '' : `/${round}`}`;
export const undoKey = (r, id, round = 1) => `${r.type}/${id}/${r.step}/${r.agent}/undo${round < 2 ? '' : `/${round}`}`;

/** How long to wait before retry n, from 0; all in nanoseconds, random from [0, 1). */
function wait(policy, n, random) {
  const longest = Math.trunc(Math.min(policy.maxDelay, policy.baseDelay * policy.multiplier ** Math.max(n, 0)));
  return BigInt(Math.max(0, longest - Math.trunc(policy.jitter * random * longest)));
}

/** What follows an attempt that failed: another try, the next agent, the way back, or a person where there is none. */
export function decide(r, st, b, random) {
  if (r.neverRefuses && b.class === 'refused' && !b.back) b = { ...b, class: 'unavailable' };
  const f = { agent: r.agent, error: b.error, class: b.class, left: b.left, then: 'back' };
  const attempts = st?.attempts ?? [];
  const { begin, from } = st?.rounds(r.agent) ?? { begin: 0, from: '' };
  const asked = attempts.slice(begin).filter((a) => a.claim.agent === r.agent && a.failure?.then === 'retry' && successor(a) === r.agent);
  const throttled = asked.filter((a) => a.failure.throttled).length;
  const tried = asked.length - throttled;
  const again = !['unavailable', 'refused'].includes(b.class) && !b.givenUp && !b.back;
  const named = attempts.filter((a) => a.failure?.then === 'fallback');
  const chain = (named.length > 0 ? last(named).failure.chain ?? [] : r.fallbacks).filter((agent) => !attempts.some((a) => a.claim.agent === agent));
  const retry = (due) => Object.assign(f, { then: 'retry', due: due > (b.retryAfter ?? 0n) ? due : b.retryAfter });
  if (b.throttled && !b.givenUp && !b.back && b.class !== 'refused' && !from && chain.length === 0) {
    f.throttled = true; // who was asked to come back later does, and that burns no retry
    return finished(retry(b.class === 'unavailable' ? 0n : wait(r.retry, throttled, random)), false);
  }
  if (again && tried < r.retry.maxRetries) return finished(retry(wait(r.retry, tried, random)), false);
  if (b.class === 'refused' || b.back) f.then = 'back';
  else if (from) Object.assign(f, { then: 'retry', next: from });
  else if (chain.length > 0) Object.assign(f, { then: 'fallback', next: chain[0], chain: chain.length > 1 ? chain.slice(1) : undefined });
  else if (b.committed && again && attempts.length < ENDLESS) return finished(retry(wait(r.retry, tried, random)), false);
  if (b.committed && f.then === 'back') f.then = 'person';
  return finished(f, st?.mayHaveLeft(r.agent));

  function finished(failure, dirty) {
    return { ...failure, due: wire.seconds(failure.due), left: dirty ? 'unknown' : failure.left };
  }
}

export function decideUndo(r, u, error, random) {
  const n = u ? tries(u) : 0;
  if (n >= r.undoRetry.maxRetries) return { error, then: 'person' };
  return { error, then: 'retry', due: wire.seconds(wait(r.undoRetry, n, random)) };
}
