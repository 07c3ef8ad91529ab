// Package verify finds out whether an agent keeps the protocol, in whatever
// language it is written: it plays everybody else. It is the broker, the
// upstream, the steps before and after, the agent's twin, the person and the
// clock, and the agent under trial is a real process that knows no difference.
//
//	subject, err := verify.Load("services/kyc/risk-scoring/agent.yaml", "")
//	report, err := verify.Run(ctx, subject, verify.Config{Tell: print})
//
// # How a check works
//
// Each check is one saga, or a few, with an id of its own, on a broker that was
// started for this run. The agent is connected to it through a [gate]: a door
// that can hold what the agent says, lose it, or turn an acknowledgement into its
// contrary. So a latch comes between a claim and its completion whenever a check
// wants it to, without a task that happens to be slow; and a message is delivered
// again without waiting for its lease.
//
// That nothing happens is never waited for by a clock: when all that the agent's
// consumers have was acknowledged, the agent owes nothing more, because whoever
// acknowledges settles first. That this is so is a check too.
//
// # What it needs
//
// An agent.yaml, and a task that the agent completes: see [Case]. With a task that
// it refuses, and one at which it fails, and with a program that counts effects
// in the world (the one of package drill), more is checked. What was not checked
// is said, never passed.
//
// # What it is not
//
// It proves nothing: it tries what went wrong before. And the agent does its work
// in earnest, with whatever provider its environment names.
package verify
