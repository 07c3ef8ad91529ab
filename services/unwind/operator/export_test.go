package operator

import "github.com/unwind-saga/unwind/saga/agent"

// Question is what an operator asks.
func Question(o *Operator, t agent.Task) string { return o.question.put(t) }
