// Package serve takes over HTTP what is said to sagas from outside.
//
//	h, err := serve.New(log, serve.Config{Secret: secret})
//	err = serve.Run(ctx, listener, h)
//
// There is one thing to do:
//
//	POST /v1/sagas/<type>/<id>/steps/<step>/answer?attempt=<n>&token=<token>
//	{"outcome": "completed", "data": {"pages": 3}}
//
// The body is an events.Answer. What is answered:
//
//	201  written: the agent makes the outcome of it
//	200  it was written before: an answer is its own idempotency key, and the
//	     same content again is the same answer, with an Idempotency-Key or not
//	202  written, but nobody waits for it any more: what was done is undone
//	401  no token, or one of another question
//	404  no such saga, or no such type
//	409  nobody waits for it, with the reason
//	413  too large
//	422  nobody could make an outcome of it
//	503  busy, or the broker does not answer: ask again
//
// # Who may
//
// A token of package callback is good for one attempt at one step, so that its
// URL can be given to a third party. A bearer token is good for all: it is for
// one's own programs. Both may be sent as "Authorization: Bearer ..." as well.
// Without any token nothing is told, neither whether there is such a saga. No
// token and no payload is ever logged.
//
// # What it is not
//
// It speaks no TLS and limits no client's rate: where it is reached from
// outside, a proxy stands before it. It keeps nothing, so there may be many.
package serve
