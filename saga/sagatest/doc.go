// Package sagatest tells stories about sagas and checks them. A story is a text
// file: who takes part, what goes wrong and when, and below a line the history
// that came of it.
//
//	# The card is declined: the seat is given back.
//	agent seat  takes=1s
//	agent card  takes=1s after=seat final
//	does  card  refuse
//	at 0s submit {"seat": "12A"}
//	----
//	   0.0  task  submitted
//	   0.0  seat  started
//	...
//
// The agents are real (package agent), and so is the log, given by the caller:
// in memory, or JetStream. Time is virtual: a story runs inside a
// testing/synctest bubble, and a retry after an hour costs nothing. What the
// agents do is kept in a [Ledger], which knows at the end what is left behind.
// Every story's history is checked against the invariants I1 to I7 as well,
// with [Check].
//
// [Stories] runs them all. Run a test with -update to write their histories
// anew, and commit a difference only when it is understood.
//
// # A failure in production becomes a test
//
//	unwind saga export kyc order-1 -f testdata/order-1.json
//
//	func TestOrder1(t *testing.T) {
//		cfg, err := config.Load("agent.yaml")
//		...
//		sagatest.Replay(t, "testdata/order-1.json", cfg, handler)
//	}
//
// [Replay] gives the handler the calls that its agent got there. It is red as long as
// a call fails that failed then, and from the day on which that is mended it keeps it
// so. [Rules] are for a failure that is right, and for results that may differ;
// [ReplaySaga] plays the whole saga, with all other agents as they were.
package sagatest
