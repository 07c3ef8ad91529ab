// Package serve is the door for those who speak HTTP and have no broker's client:
// upstream systems that begin sagas and wait for their end, and third parties that
// bring the outcome of a step.
//
//	h, err := serve.New(log, serve.Config{Bearer: token, Secret: secret})
//	err = h.Run(ctx, listener)
//
// # Sagas
//
//	POST /v1/sagas/<type>                    begin one: the body is the task
//	GET  /v1/sagas/<type>/<id>               how it stands: as `unwind saga show -o json`
//	GET  /v1/sagas/<type>/<id>/events        its events as they come, until it ended
//	POST /v1/sagas/<type>/<id>/cancel        turn it: {"reason": "...", "by": "..."}
//
// A task with an Idempotency-Key begins one saga, however often it is sent: a key
// that could be a saga's id is its id, of any other one the id is a digest. The
// header is read with quotes or without. Who submits is told by the header
// Unwind-By. What is answered to a task:
//
//	201  written; Location is where the saga is told
//	200  it was written before
//	404  no such type
//	413  larger than [events.MaxPayload]
//	422  not JSON, or not what the agents accept, with the reasons; or the key
//	     belongs to another task
//
// The events come as server-sent events. Each has its sequence as id and its kind
// as event ("started", "saga.completed"), the last one is "end" with the saga's
// status. Last-Event-ID goes on behind that event; where there is nothing more to
// come, the answer is 204. A line that begins with a colon is a sign of life.
//
// # Answers
//
//	POST /v1/sagas/<type>/<id>/steps/<step>/answer?attempt=<n>&token=<token>
//	{"outcome": "completed", "data": {"pages": 3}}
//
// The body is an [events.Answer]. What is answered:
//
//	201  written: the agent makes the outcome of it
//	200  it was written before: an answer is its own idempotency key, and the
//	     same content again is the same answer, with an Idempotency-Key or not
//	202  written, but nobody waits for it any more: what was done is undone
//	409  nobody waits for it, with the reason
//	413  too large
//	422  nobody could make an outcome of it
//
// # Any request
//
//	401  no token, or one of another question
//	404  no such saga, or no such type
//	503  busy, or the broker does not answer: ask again, with the same key
//
// What is wrong is told as {"error": "...", "hint": "..."}.
//
// # Who may
//
// A bearer token is good for all: it is for one's own programs, and is sent as
// "Authorization: Bearer ...". A token of package callback is good for one attempt
// at one step, so that its URL can be given to a third party. Without any token
// nothing is told, neither whether there is such a saga. No token and no payload is
// ever logged.
//
// # What it is not
//
// It speaks no TLS and limits no client's rate: where it is reached from
// outside, a proxy stands before it. It keeps nothing, so there may be many.
package serve
