// Package drill shows what each layer of recovery is worth: it runs a family of
// agents, as real processes over a real broker, through the same tasks and the
// same faults (package inject of the SDK) again and again, each time with one
// layer more, and counts what became of the sagas.
//
//	families, err := drill.Find("services")
//	f, err := families.Of("kyc")
//	report, err := drill.Run(ctx, f, drill.Config{Runs: 1000})
//
// # Who is asked
//
// The history is asked whether a saga completed, whether it waited for a person,
// and how long it took to recover. Never what it left: that is asked of the world,
// by a program that the family brings, after every agent has stopped. A layer that
// lied in its events would be found out.
//
// # What a family brings
//
// A drill.yaml, anywhere below the folders that are named:
//
//	saga: kyc                # required
//	faults: faults.yaml      # a profile of package inject, beside it; required
//	command: [./drill]       # a program; default: the Go program in this folder
//	every: [hold, charge]    # what each completed saga has left: steps, or places
//	env: {KYC_LEASE: 3s}     # of the agents, so that a drill need not wait
//
// The program is called with a verb:
//
//   - tasks <n>: prints n tasks, each one line of JSON.
//   - world <folder>: opens whatever is around the agents and keeps what is to be
//     kept in the folder. It prints NAME=value lines for the environment of the
//     agents and of what follows, then an empty line, and ends when its input does.
//   - effects: prints what is there, one line of JSON for each saga and place:
//     {"saga": "…", "where": "…", "count": 1}. A place that is called like an agent
//     is that agent's own.
//
// # What it is not
//
// It is no benchmark: the faults and the waits for them decide how long it takes.
// And it says nothing of faults that its profile does not have; the broker, for
// one, is never hurt.
package drill
