// Package provider is a face provider that runs in our own house: the other side
// of package biometrics, for demonstrations and tests.
//
// Begin with [Open] and serve [Provider.Handler]. How alike two faces are it asks
// a [Comparer]. What it has promised it keeps in a SQLite file: comparisons,
// templates, and the answer to each Idempotency-Key, which outlives the template
// and a restart, as a client that asks again expects.
//
// It can be told to fail in each way in which providers fail:
//
//	PUT /faults {"mode": "throttle", "retry_after": 2, "count": 3}
//	GET /faults
//
// See [Mode]. It asks nobody for a password: it belongs on loopback.
package provider
