// Package owed says what a saga waits for, and who owes it.
//
//	debts := owed.Of(state, history, presence)
//	fmt.Println(owed.Sentence(state, debts, presence, times))
//
//	Waiting for face-matching to begin, after id-extraction: no instance is
//	running, last seen 4m00s ago; it turns back by itself in 5m12s.
//
// What is owed is read from the folded state alone. Whether somebody is there who
// can pay is the broker's and the agents' own word ([Presence], which comes from
// an [events.Directory]): without it, nothing is said about that. The two are
// kept apart, so that a history that is replayed tells what was owed then, and
// nothing about who is running today.
//
// Nothing is claimed beyond both. An agent in another language that announces
// nothing still listens, through its consumer; an instance that does not answer
// does not answer, and may be well; a message that waits at an agent's door is
// one of so many, and nobody says which.
//
// No agent reads this package: what is said here is for people.
package owed
