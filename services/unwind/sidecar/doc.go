// Package sidecar lets a program in any language be an agent: it speaks the protocol,
// the program does the work. The program is asked over HTTP, or started for each call.
//
//	# agent.yaml
//	agent: document-validation
//	saga: kyc
//	after: [id-extraction]
//	handler: {http: "http://127.0.0.1:8080/perform", start: [python3, agent.py]}
//	compensation: {http: "http://127.0.0.1:8080/compensate"}
//
//	unwind agent run --config agent.yaml
//
// Retries, fallbacks, the timeout, deadlines, the circuit breaker and all else that an
// agent's file says are the sidecar's business, as with any agent.
//
// # A call
//
// Over HTTP a call is a CloudEvent in binary mode: a POST with headers and, as its
// body, the data.
//
//	POST /perform
//	ce-specversion: 1.0
//	ce-type: dev.unwind.perform              or dev.unwind.compensate
//	ce-id: kyc/order-1/document-validation/document-validation#1
//	ce-source: /unwind/kyc/document-validation
//	ce-subject: order-1                      the saga's id
//	ce-sagatype: kyc
//	ce-step: document-validation
//	ce-agent: document-validation
//	ce-attempt: 1                            over all agents of the step
//	Idempotency-Key: kyc/order-1/document-validation/document-validation
//	Unwind-Time-Left: 9.998                  seconds, until the call is given up
//	Unwind-Deadline: 2026-01-02T15:04:05Z    when the saga turns by itself
//	traceparent: 00-…
//	Content-Type: application/json
//
//	{"task": {…}, "results": {"id-extraction": {…}}}
//
// and of an undoing
//
//	{"reason": "failed", "attempt": 1, "of": "kyc/order-1/…", "undo": …}
//
// with an Idempotency-Key of its own; "of" is the key of what is to be undone, and
// "undo" what the program gave as undo when it was done, absent where nobody knows
// what came of it: then look by the key.
//
// A program that is started for each call reads one JSON object from its standard
// input, with the same data, and what stands in the headers as call, type, id, step,
// agent, attempt, key, time_left, deadline, traceparent and tracestate. The key, the
// call and the attempt are in the environment too, as UNWIND_IDEMPOTENCY_KEY,
// UNWIND_CALL and UNWIND_ATTEMPT. It writes its answer to standard output. What it
// writes to standard error is logged.
//
// # The answer
//
//	{"outcome": "completed", "data": {…}, "undo": …}
//	{"outcome": "refused", "error": {"code": "expired", "message": "…"}}
//
// The outcomes are those of [Outcome]. An answer without outcome is a completion with
// the whole as its data, and an empty one a completion without; it is UTF-8, and of an
// error's code 64 bytes are kept. Of HTTP, the codes say
// it as well: 202 pending, 409 and 422 refused, 429 and 503 try again after
// Retry-After, 410 this key was compensated; 400, 401, 403, 404, 405 and 501 the agent
// can't, 408 and 504 nobody knows, any other try again. When undoing, 404 and 410 say
// that there was nothing to undo, and 202 that it is not undone yet: it is asked again.
// A program that ended with another exit code than 0 is tried again, unless its answer
// says otherwise; with one over 128, which is a shell's word for a signal, nobody knows.
//
// # What is known when nothing is answered
//
// Nobody listens, or the connection is lost before a byte of the call was sent: nothing
// was done, and it is tried again, without an end as long as there is no other agent in
// the chain. The connection was cut, the time was up, the program was killed: nobody knows
// what was done. Nothing is sent twice within an attempt, and each call has a connection
// of its own: one that lay idle may be closed just as a call is sent.
//
// A program that is started for each call is killed with all that it started. On Linux it
// dies with the sidecar, too, however that dies; what it started itself is then left to
// it, and goes on if it does not watch its parent.
package sidecar
