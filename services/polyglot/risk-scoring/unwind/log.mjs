// The log: JetStream through a plain NATS connection, with no more of the client
// than publish, subscribe and request. DESIGN.md, "On the wire", tells each rule
// that is kept here; the same in Go is package broker.

import { connect, createInbox, headers, Match } from 'nats';
import { setTimeout as sleep } from 'node:timers/promises';

import * as wire from './wire.mjs';

const API = '$JS.API.';
const PATIENCE = 3000; // ms that one question waits for its answer
const PULL = 1700; // ms that a request for messages stands: one that is lost is missed soon
const NO_CONSUMER = 10014, NO_STREAM = 10059, STREAM_EXISTS = 10058, CONSUMER_EXISTS = 10148;
const TURNED_AWAY = [10054, 10097, 10109]; // too large, a header too large, sealed: no second try fares better

/** An event that is not in the log, and why: 'taken' or 'guarded'. A reason to read, never a conclusion. */
export class Refusal extends Error {
  constructor(subject, reason, seq) {
    super(`append ${wire.print(subject)}: ${reason === 'taken' ? 'it is written already' : 'its guard is set'}`);
    Object.assign(this, { reason, seq });
  }
}

class APIError extends Error {
  constructor(e) { super(`${e.description} (${e.err_code})`); this.code = e.err_code; }
}

const codeOf = (err) => (err.cause instanceof APIError ? err.cause.code : undefined);

export class Log {
  stopping = false; // nothing new is begun
  gone = false; // nor is anything finished
  connected = true;

  static async connect({ servers, name, logger }) {
    const log = new Log();
    log.logger = logger;
    log.nc = await connect({ servers: servers.split(','), name, maxReconnectAttempts: -1, waitOnFirstConnect: true, pingInterval: 20_000 });
    (async () => {
      for await (const s of log.nc.status()) {
        if (s.type === 'disconnect') log.connected = false;
        if (s.type === 'reconnect') log.connected = true;
      }
    })();
    return log;
  }

  close() { return this.nc.drain(); }

  /** Puts a question to JetStream's API, again while nobody answers: a broker that starts, a cluster without a leader. */
  async ask(question, body) {
    for (let tries = 1; ; tries++) {
      try {
        const answer = (await this.nc.request(API + question, body ? JSON.stringify(body) : '', { timeout: PATIENCE })).json();
        if (answer.error) throw new APIError(answer.error);
        return answer;
      } catch (err) {
        if (err instanceof APIError || tries === 8 || this.gone) throw new Error(`ask ${question}: ${err.message}`, { cause: err });
        await sleep(1000 * (0.5 + Math.random() / 2));
      }
    }
  }

  // --- streams

  /** Makes the streams of a saga type, or looks whether those that are there keep a slot a slot. */
  async ensure(type) {
    const never = { storage: 'file', max_age: 0, max_msgs: -1, max_bytes: -1, max_consumers: -1, num_replicas: 1, allow_direct: true };
    const slot = { max_msgs_per_subject: 1, discard: 'new', discard_new_per_subject: true, allow_rollup_hdrs: false, allow_msg_ttl: false };
    const clock = { retention: 'workqueue', allow_msg_schedules: true, allow_msg_ttl: true };
    await this.ensureStream({ name: `SAGA_${type}`, subjects: [`saga.${type}.>`], retention: 'limits', ...never, ...slot }, { ...slot, allow_direct: true, max_age: 0 });
    await this.ensureStream({ name: 'TIMERS', subjects: ['timer.>'], max_msgs_per_subject: -1, allow_rollup_hdrs: true, ...never, ...clock }, clock);
  }

  async ensureStream(want, promises) {
    const have = await this.ask(`STREAM.INFO.${want.name}`)
      .catch((err) => { if (codeOf(err) !== NO_STREAM) throw err; return this.ask(`STREAM.CREATE.${want.name}`, want); })
      .catch((err) => { if (codeOf(err) !== STREAM_EXISTS) throw err; return this.ask(`STREAM.INFO.${want.name}`); });
    for (const [setting, value] of Object.entries(promises)) {
      if ((have.config[setting] ?? false) !== value) throw new Error(`stream ${want.name} is not safe: ${setting} is ${have.config[setting]}, want ${value}`);
    }
  }

  // --- writing

  /** Writes an event and returns its sequence. It tries until it knows; a Refusal says that it is not written. */
  async append(e) {
    const subject = wire.print(e.subject), stream = `SAGA_${e.subject.type}`;
    const h = headers();
    for (const [name, value] of wire.headersOf(e)) h.append(name, value);
    for (let pause = 4; ; pause = Math.min(2 * pause, 1000)) {
      let why;
      try {
        const ack = (await this.nc.request(subject, e.data, { headers: h, timeout: PATIENCE })).json();
        if (ack.stream === stream && ack.seq > 0) return ack.seq;
        if (TURNED_AWAY.includes(ack.error?.err_code)) throw Object.assign(new APIError(ack.error), { final: true });
        why = ack.error?.description ?? `stream "${ack.stream}" answers`;
      } catch (err) {
        if (err.final || err.code === 'MAX_PAYLOAD_EXCEEDED') throw err;
        why = err.message;
      }
      // No answer is believed alone: the guard is checked before the slot, and a
      // cluster refuses a slot for a write that may never be committed.
      const found = await this.judge(e, stream).catch(() => undefined);
      if (found instanceof Refusal) throw found;
      if (found) return found;
      if (pause > 500) this.logger.warn('the broker does not take an event, trying on', { subject, why });
      if (this.gone) throw new Error(`append ${subject}: nobody knows whether it is written: ${why}`);
      await sleep(pause * (0.5 + Math.random() / 2));
    }
  }

  /** Looks at an event's slot and its guard's in one view, and says what that proves; undefined: nothing. */
  async judge(e, stream) {
    const slot = wire.print(e.subject), guard = wire.guardOf(e.subject) && wire.print(wire.guardOf(e.subject));
    const { messages } = await this.look(stream, guard ? [slot, guard] : [slot]);
    const taken = messages.find((m) => m.subject === slot), set = guard && messages.find((m) => m.subject === guard);
    if (taken?.header('ce-id') === e.id) return taken.seq;
    if (set) return new Refusal(e.subject, 'guarded', set.seq);
    if (taken) return new Refusal(e.subject, 'taken', taken.seq);
  }

  /** Sets a timer: set again before it fires, it fires once; one that is past comes at once. It carries the trace of its cause. */
  async setTimer(t, cause) {
    const h = headers();
    for (const [name, value] of wire.traceOf(cause)) h.append(name, value);
    h.append('Nats-Schedule', `@at ${wire.timeText(t.due)}`);
    h.append('Nats-Schedule-Target', `timer.due.${wire.timerRest(t)}`);
    h.append('Nats-Schedule-TTL', '720h');
    for (let pause = 4; ; pause = Math.min(2 * pause, 1000)) {
      const answer = await this.nc.request(`timer.set.${wire.timerRest(t)}`, String(t.seq), { headers: h, timeout: PATIENCE })
        .then((m) => m.json(), (err) => ({ error: { description: err.message } }));
      if (answer.stream === 'TIMERS' && answer.seq > 0) return;
      if (this.gone || TURNED_AWAY.includes(answer.error?.err_code)) throw new Error(`set timer ${wire.timerRest(t)}: ${answer.error?.description}`);
      await sleep(pause * (0.5 + Math.random() / 2));
    }
  }

  // --- reading

  /** All events of a saga, complete at least up to a sequence: a replica may be behind. */
  async history(type, id, atLeast, patience) {
    const filter = `saga.${type}.*.*.${id}`, until = Date.now() + patience;
    for (let pause = 4, tries = 1; ; pause = Math.min(2 * pause, 1000), tries++) {
      const v = await this.look(`SAGA_${type}`, [filter]).catch((err) => { if (err.final) throw err; return { why: err.message }; });
      if (v.messages && v.upTo >= atLeast) return v.messages.flatMap((m) => this.read(m));
      // It may have left the stream: a read that finds nothing does not say how far it looked.
      if (v.messages?.length === 0 && tries > 2) {
        const info = await this.ask(`STREAM.INFO.SAGA_${type}`, { subjects_filter: filter }).catch(() => undefined);
        if (info?.state.last_seq >= atLeast && !info.state.subjects) return [];
      }
      if (Date.now() > until) throw new Error(`read saga ${type}/${id}: ${v.why ?? `the replica is at ${v.upTo}, and ${atLeast} is wanted`}`);
      await sleep(pause * (0.5 + Math.random() / 2));
    }
  }

  /** What a stranger wrote under a subject that is no event's is left out. */
  read(m) {
    try { return [wire.decode(m.subject, m.header, m.data, m.seq, m.time)]; } catch { return []; }
  }

  /** The last message of each subject that passes the filters, in one moment, or in pages that end in one. */
  async look(stream, filters) {
    const all = [];
    for (;;) {
      const first = all.length > 0 ? all[all.length - 1].seq + 1 : undefined;
      const { messages, upTo, pending } = await this.page(stream, { seq: first, multi_last: filters });
      all.push(...messages);
      if (pending === 0 && (first === undefined || upTo > 0)) return { messages: all, upTo };
      if (messages.length === 0) throw new Error('the replica is behind');
    }
  }

  async page(stream, question) {
    const inbox = createInbox(), messages = [];
    const sub = this.nc.subscribe(inbox);
    const missed = setTimeout(() => sub.unsubscribe(), PATIENCE);
    this.nc.publish(`${API}DIRECT.GET.${stream}`, JSON.stringify(question), { reply: inbox });
    try {
      for await (const m of sub) {
        // The broker puts its headers behind those of the message, which may be named like them.
        const told = (name) => m.headers?.last(name) ?? '';
        const before = told('Nats-Last-Sequence');
        if (before && Number(before) !== (messages[messages.length - 1]?.seq ?? 0)) throw new Error('a part of the answer is lost');
        if (told('Nats-Sequence')) {
          messages.push({
            subject: told('Nats-Subject'), seq: Number(told('Nats-Sequence')), time: wire.instant(told('Nats-Time-Stamp')),
            header: headerOf(m), data: m.string(),
          });
          continue;
        }
        switch (m.headers?.code) {
          case 204: return { messages, upTo: Number(told('Nats-UpTo-Sequence')), pending: Number(told('Nats-Num-Pending')) };
          case 404: return { messages, upTo: 0, pending: 0 };
          case 413: throw Object.assign(new Error('it has over 1,024 events, more than the broker gives in one answer'), { final: true });
          default: throw new Error(`direct get: ${m.headers?.code} ${m.headers?.description}`);
        }
      }
      throw new Error('the broker does not answer');
    } finally {
      clearTimeout(missed);
      sub.unsubscribe();
    }
  }

  // --- listening

  /** Makes a durable consumer, or gives the one that is there these filters and this lease. */
  async durable(c) {
    const config = {
      name: c.name, durable_name: c.name, ack_policy: 'explicit', ack_wait: c.lease * 1e6, max_deliver: -1, max_ack_pending: 20_000,
      max_waiting: 4096, filter_subjects: [...c.filters].sort(), deliver_policy: 'all', replay_policy: 'instant',
    };
    const put = (config, action) => this.ask(`CONSUMER.CREATE.${c.stream}.${c.name}`, { stream_name: c.stream, config, action });
    for (;;) {
      try {
        const { config: have } = await this.ask(`CONSUMER.INFO.${c.stream}.${c.name}`);
        const filters = [...(have.filter_subjects ?? []), ...(have.filter_subject ? [have.filter_subject] : [])].sort();
        const other = c.stream === 'TIMERS' && filters.find((f) => f.split('.')[2] !== c.filters[0].split('.')[2]);
        if (other) throw new Error(`consumer ${c.name} of TIMERS is another saga type's: ${other}`);
        if (have.ack_policy !== 'explicit' || have.deliver_subject) throw new Error(`consumer ${c.name} of ${c.stream} is no pull consumer with explicit acknowledgement`);
        const changed = ['ack_wait', 'max_deliver', 'max_ack_pending'].some((k) => have[k] !== config[k]);
        if (changed || filters.join() !== config.filter_subjects.join()) {
          const { ack_wait, max_deliver, max_ack_pending, filter_subjects } = config;
          await put({ ...have, filter_subject: undefined, ack_wait, max_deliver, max_ack_pending, filter_subjects }, 'update');
        }
        return;
      } catch (err) {
        if (codeOf(err) !== NO_CONSUMER) throw err;
      }
      if (c.reach) { // by the broker's clock, like the events
        const { ts } = await this.ask(`STREAM.INFO.${c.stream}`);
        Object.assign(config, { deliver_policy: 'by_start_time', opt_start_time: wire.timeText(wire.instant(ts) - BigInt(c.reach) * 1_000_000n) });
      }
      try { await put(config, 'create'); return; } catch (err) { if (codeOf(err) !== CONSUMER_EXISTS) throw err; }
    }
  }

  /**
   * Calls handle for each delivery, up to c.concurrency at a time, until the log is
   * stopping; then it waits for those under way. It asks for no more messages than
   * it has hands, so none waits here while another instance could work on it.
   */
  async consume(c, handle) {
    await this.durable(c);
    const working = new Set();
    for (let sure = true; !this.stopping;) {
      try {
        if (!this.connected) { await sleep(200); continue; } // what is asked now would be sent late, by nobody waited for
        if (!sure) { await this.durable(c); sure = true; }
        if (working.size === c.concurrency) { await Promise.race(working); continue; }
        sure = await this.pull(c, c.concurrency - working.size, (d) => {
          const work = handle(d).finally(() => working.delete(work));
          working.add(work);
        });
      } catch (err) {
        this.logger.warn('the consumer is not served, trying on', { consumer: c.name, why: err.message });
        sure = false;
        await sleep(250 + 500 * Math.random());
      }
    }
    await Promise.all(working);
  }

  /** One request for messages; false: nobody may be serving the consumer. */
  async pull(c, batch, begin) {
    const inbox = createInbox(), sub = this.nc.subscribe(inbox);
    const missed = setTimeout(() => sub.unsubscribe(), PULL + 200);
    try {
      this.nc.publish(`${API}CONSUMER.MSG.NEXT.${c.stream}.${c.name}`, JSON.stringify({ batch, expires: PULL * 1e6 }), { reply: inbox });
      let left = batch;
      for await (const m of sub) {
        if (!m.reply) return m.headers?.code === 408 || m.headers?.code === 404; // it has ended; or 409, 503
        if (this.stopping) m.respond('-NAK');
        else begin(delivery(c, m));
        if (--left === 0) return true;
      }
      return false; // it ended without a word
    } finally {
      clearTimeout(missed);
      sub.unsubscribe();
    }
  }
}

const headerOf = (m) => (name) => (m.headers?.has(name, Match.IgnoreCase) ? m.headers.get(name, Match.IgnoreCase) : undefined);

/** One message in our hands; err says why it is no event and no timer. */
function delivery(c, m) {
  // $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<delivered>.<seq>.<its seq>.<time>.<pending>[.<token>]
  const about = m.reply.split('.');
  const at = about.length === 9 ? 2 : 4;
  const d = {
    subject: m.subject, stream: c.stream, seq: Number(about[at + 3]), time: BigInt(about[at + 5]),
    ack: () => m.respond('+ACK'), extend: () => m.respond('+WPI'),
    release: (ms) => m.respond(ms ? `-NAK {"delay": ${Math.round(ms * 1e6)}}` : '-NAK'),
  };
  try {
    if (c.stream === 'TIMERS') d.timer = wire.decodeTimer(m.subject, headerOf(m), m.string());
    else d.event = wire.decode(m.subject, headerOf(m), m.string(), d.seq, d.time);
  } catch (err) { d.err = err; }
  return d;
}
