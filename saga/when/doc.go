// Package when judges the condition of a step: an expression over what was
// submitted and what the steps before have answered, that says whether the step
// is to run or to be skipped.
//
//	when: 'results["risk-scoring"].score < 0.5 && task.country == "DE"'
//
// The language is CEL (https://cel.dev), the standard functions and macros of
// it, and nothing of our own. It has no clock, no randomness and no way out: one
// and the same saga is judged the same by whoever asks, and whenever. [Compile]
// reads and type-checks an expression, [Condition.Holds] evaluates it,
// [Condition.Reads] says whose results it looks at.
//
// # What it may read
//
//   - task: the payload, as it was submitted.
//   - results: what each step before this one answered, by the step's name. A
//     name with a hyphen stands in brackets. A step that was skipped has no
//     entry; one that answered nothing has null.
//
// # Numbers
//
// Every number of JSON is a double, whether it is written 1 or 1.0. Comparisons
// take any two numbers, so score < 1 works for 0.5 and for 1. Arithmetic does
// not: write task.price * 2.0. Where a whole number meets one of JSON, it could
// never work, and Compile refuses it. A remainder wants int(task.n) % 2. Whole
// numbers above 2^53 are not exact; an id is better a text.
//
// # What is missing
//
// A key that is not there is an error, never false and never null: a condition
// that is misspelt must not skip a step in silence. Ask first:
//
//	has(task.discount) && task.discount > 0.1
//	"second-opinion" in results && results["second-opinion"].score < 0.5
//
// As CEL has it, && and || forgive an error on one side when the other side
// decides alone, whichever of them comes first.
//
// # Bounds
//
// An expression has at most [MaxText] characters, and its evaluation costs at
// most [MaxCost] steps of CEL's cost model, some tenth of a second. Past that,
// and for whatever else can't be evaluated, Holds returns an error. It names the
// place in the expression and what is wrong there, and no value: errors end up
// in events and logs, payloads must not.
//
// It is deliberately no place for what a step does: a condition only says
// whether.
package when
