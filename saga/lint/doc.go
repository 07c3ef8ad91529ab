// Package lint judges together what agents are configured to do apart.
//
// There is no plan of a saga anywhere: each agent knows the steps that it
// follows, and the graph of a run is what comes of that. So nobody notices at
// run time that no step is final, that two steps wait for each other or that a
// hand-over goes to an agent that does not exist; the saga just stands still
// until its deadline. [Check] tells it before, from the agents' files:
//
//	var agents []config.Config // config.Load of each file
//	for _, f := range lint.Check(agents) {
//		fmt.Println(f)
//	}
//
// It is pure: configurations in, findings out. Each [Finding] says in words
// what would go wrong, where it was written, and what to change. An error is a
// saga that can't end as it should, a warning one that may surprise, a note
// something that is fine if it is meant. Every [Code] stands for one rule and
// keeps its name.
//
// What it can't see are agents whose files it was not given, and programs that
// do not do what their file says.
package lint
