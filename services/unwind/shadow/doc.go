// Package shadow gives the calls that an agent got in many sagas to a candidate, a
// build of it that is to be, and compares what comes of them with what came of them
// then.
//
//	sum, err := shadow.Run(ctx, shadow.Config{Agent: cfg, Candidate: handler}, sagas, tell)
//	// 1,204 same, 3 differ, 1 fails
//
// # The sandbox
//
// A candidate must have no effect. It can publish nothing: it is given no broker's
// address and no credentials. A program that is started for each call ([Start]) gets
// an environment of its own and an empty home; on Linux, where this is allowed, a
// network of its own too, in which it reaches nobody. It may still write files.
//
// A candidate that is called over HTTP runs elsewhere, and all that is known of it is
// its address. Each call says Unwind-Shadow: true; what it does about that is its own
// affair, and its effects are prevented by nothing.
//
// # What it is not
//
// No test of the candidate's undoing, unless that is asked for; and no load test: it
// is called as fast as it answers, so many sagas at a time.
package shadow
