// An agent's file, agent.yaml, as far as this agent keeps what it says. A key that
// it could not keep is refused: who writes `pivot: true` must not get a step that
// is none.

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const units = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** A duration as Go writes it, in nanoseconds: 500ms, 1h30m. */
export function duration(text) {
  const parts = [...String(text).matchAll(/([0-9]+(?:\.[0-9]+)?)(ns|us|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([all]) => all).join('') !== String(text)) throw new Error(`"${text}" is no duration such as 500ms or 1h30m`);
  return parts.reduce((sum, [, n, unit]) => sum + Number(n) * units[unit], 0);
}

const policy = (defaults) => (given) => {
  const p = { ...defaults };
  const keys = {
    max_retries: (v) => { p.maxRetries = Number(v); }, base_delay: (v) => { p.baseDelay = duration(v); }, max_delay: (v) => { p.maxDelay = duration(v); },
    backoff_multiplier: (v) => { p.multiplier = Number(v); }, jitter_ratio: (v) => { p.jitter = Number(v); },
  };
  for (const [k, v] of Object.entries(given ?? {})) {
    if (!keys[k]) throw new Error(`unknown key ${k}`);
    keys[k](v);
  }
  return p;
};
const retryPolicy = policy({ maxRetries: 3, baseDelay: 1e9, maxDelay: 30e9, multiplier: 2, jitter: 0.5 });
const undoPolicy = policy({ maxRetries: 10, baseDelay: 1e9, maxDelay: 300e9, multiplier: 2, jitter: 0.5 });

const keys = {
  agent: String, saga: String, step: String, after: (v) => v, stand_in: Boolean, final: Boolean, never_refuses: Boolean,
  timeout: duration, deadline: duration, lease: duration, concurrency: Number, max_takeovers: Number,
  retry_policy: retryPolicy, compensation_retry_policy: undoPolicy, fallback_agents: (v) => v, compensation_handler: String,
  settings: (v) => v, command: (v) => v,
};
const defaults = {
  after: [], stand_in: false, final: false, never_refuses: false, timeout: 30e9, deadline: 24 * 3600e9, lease: 30e9, concurrency: 16,
  max_takeovers: 5, retry_policy: retryPolicy(), compensation_retry_policy: undoPolicy(), fallback_agents: [], compensation_handler: '', settings: {},
};

/** Reads a file, with ${NAME} and ${NAME:-default} from the environment. */
export function load(file, env = process.env) {
  const text = readFileSync(file, 'utf8').replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g, (all, name, otherwise) => {
    if (env[name] || otherwise !== undefined) return env[name] || otherwise;
    throw new Error(`${file}: ${name} is not set`);
  });
  const config = { ...defaults };
  for (const [key, value] of Object.entries(parse(text))) {
    if (!keys[key]) throw new Error(`${file}: ${key}: this agent does not keep it (it keeps ${Object.keys(keys).join(', ')})`);
    try { config[key] = keys[key](value); } catch (err) { throw new Error(`${file}: ${key}: ${err.message}`); }
  }
  for (const key of ['agent', 'saga']) if (!config[key]) throw new Error(`${file}: ${key} is missing`);
  config.step ??= config.agent;
  return config;
}

/** An agent's place in a saga. */
export const roleOf = (c) => ({
  type: c.saga, agent: c.agent, step: c.step, after: c.after, standIn: c.stand_in, final: c.final, neverRefuses: c.never_refuses,
  retry: c.retry_policy, undoRetry: c.compensation_retry_policy, fallbacks: c.fallback_agents, maxTakeovers: c.max_takeovers,
});
