// Package config reads what one agent knows: its own place in one saga, and
// nothing else. Each agent is a process, and each process has one YAML file.
//
//	agent: face-matching        # who I am
//	saga: kyc                   # the saga type
//	step: face-matching         # the role that I play; default: the agent's name
//	after: [id-extraction]      # the steps that I follow; absent: the task itself
//	when: 'results["id-extraction"].age >= 18' # false: the step is skipped; see package when
//	stand_in: false             # true: I perform the step only when it is handed to me
//	final: false                # true: when my step is done, the saga is
//	pivot: false                # true: once my step is done, the saga cannot turn any more
//	never_refuses: false        # true: my program refuses no task; what follows a pivot says so
//	timeout: 10s                # of each attempt; default 30s
//	deadline: 10m               # of the whole saga; default 24h
//	concurrency: 16             # calls of each instance at a time, and as many undoings; default 16
//	lease: 30s                  # how long a dead instance's work waits for another; default 30s
//	retry_policy:
//	  max_retries: 3            # after the first attempt; default 3
//	  base_delay: 1s            # default 1s
//	  max_delay: 30s            # default 30s
//	  backoff_multiplier: 2     # default 2
//	  jitter_ratio: 0.5         # the share of a wait that is random; default 0.5
//	compensation_retry_policy:  # the same for undoing; default 10 retries, up to 5m apart
//	  max_retries: 10
//	rate_limit:                 # how often the step is performed; default: as often as it is asked for
//	  requests: 10              # required
//	  per: 1s                   # default 1s
//	  burst: 5                  # how many may come at once; default 1
//	circuit_breaker:            # when it is not even tried; default: it always is
//	  failures: 5               # default 5, within a window, or of so many calls, or else in a row
//	  window: 1m                # or of: 10
//	  open_for: 30s             # until one call is tried again; default 30s
//	  successes: 2              # how many of those close it; default 2
//	retry_after_holds: instance # what a Retry-After holds back: all calls of the instance, or the saga alone
//	fallback_agents: [face-matching-lite] # who takes the step over when I give it up
//	compensation_handler: forget-template # as the program registered it; none: nothing is to be undone
//	max_takeovers: 5            # a task that killed its agent so often is given up; default 5
//	task_schema: task.schema.json # of agents that begin with the task: a path beside
//	                              # this file, or the JSON Schema itself
//	result_schema: {type: object} # what this step promises to those that follow
//	command: [./bin/agent]      # how `unwind dev` starts it; default: the Go program in the folder
//	settings: {model: small}    # the program's own, see [Config.Settings]
//
// Only agent and saga are required. [Load] reads a file, [Config.WithDefaults]
// completes a Config that was built in Go, [Config.Validate] judges either.
//
// # Every mistake at once
//
// Reading is strict: an unknown key, a duplicate, a duration without a unit or
// a rule that two keys break together is a [Mistake] with file, line, column
// and path, and all of a file are told in one go as [Mistakes]:
//
//	agent.yaml:6:17: retry_policy.jitter_ratio: must be between 0 and 1, is 1.5
//
// A key without a value is a mistake as well. Were it read as absent, an empty
// after would silently turn the agent into one that starts on the task.
//
// # Variables
//
// A value, not a key, may contain ${NAME} or ${NAME:-default}; the default
// stands in for a variable that is unset or empty, as in a shell. What results
// has the type that YAML gives it, so ${N:-16} is a number and "${N:-16}" is
// text. It is never read as structure: no variable can add a key. $${ stands
// for the characters ${. Inside [ ] and { } YAML wants quotes around it.
//
// # Guard rails
//
// What stands around every forward call is of each instance: replicas do not
// know of each other's, and a process that starts anew has forgotten. Three
// replicas with rate_limit {requests: 10, per: 1s} make thirty calls a second.
// Undoing is never held back by a limit or a breaker.
//
//   - concurrency is a bulkhead: so many calls of the step are under way at
//     once, however they were asked for, and so many undoings. A call that does
//     not heed its timeout is left behind, and not counted any more.
//   - rate_limit spaces the calls evenly. A call that has to wait does so before
//     its attempt is claimed: it holds its message, for up to a lease, and gives
//     it back then, for another instance may have a turn to give.
//   - circuit_breaker counts the outcomes that are transient, unavailable or
//     unknown. While it is open the handler is not called: the attempt fails
//     with the code circuit_open, and the step goes on to the next agent in the
//     chain at once. With no agent left it waits until the breaker lets a call
//     through again, which counts as none of max_retries. Then one call at a
//     time is tried; all others find it open still.
//   - A failure with a Retry-After (429, 503) holds back the instance: nothing
//     is begun until the time is over. A rate_limit is halved then, and grows
//     back in a minute. While no fallback agent is left, such a try is none of
//     max_retries, until the saga has 200 events; with one left, it counts, so
//     that the step comes to it. An agent whose handler says RetryAfter of one
//     task, and not of its provider, wants retry_after_holds: saga.
//   - result_schema makes garbage a failure of the step that made it, with the
//     path in the JSON. What was answered is written to the history beside it,
//     up to 8 KiB, and so is whatever a handler gives as Raw: leave out of it
//     what is a secret.
//
// # What it is not
//
// There are no anchors, aliases and merge keys: a file is read by programs in
// several languages, and by people. And a configuration knows no other agent:
// what several of them make together is judged by package lint.
package config
