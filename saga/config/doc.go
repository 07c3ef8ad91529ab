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
//	concurrency: 16             # sagas at a time; default 16
//	lease: 30s                  # how long a dead instance's work waits for another; default 30s
//	retry_policy:
//	  max_retries: 3            # after the first attempt; default 3
//	  base_delay: 1s            # default 1s
//	  max_delay: 30s            # default 30s
//	  backoff_multiplier: 2     # default 2
//	  jitter_ratio: 0.5         # the share of a wait that is random; default 0.5
//	compensation_retry_policy:  # the same for undoing; default 10 retries, up to 5m apart
//	  max_retries: 10
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
// # What it is not
//
// There are no anchors, aliases and merge keys: a file is read by programs in
// several languages, and by people. And a configuration knows no other agent:
// what several of them make together is judged by package lint.
package config
