// Package dlq is the dead-letter queue of sagas: work that was asked for and was not
// done, and that nobody has seen to yet.
//
//	letter, ok := dlq.Of(state, history, err)
//	causes := dlq.Causes(letters)
//	id, err := dlq.Redrive(ctx, log, letter, task, "ada", "the address was wrong")
//
// A dead letter is a saga whose task no agent accepted (rejected), one that turned
// because a step failed or its deadline passed and ended undone (failed, deadline), or
// one whose history makes no sense (unreadable), which every agent has put aside. One
// that somebody cancelled is none: that was meant.
//
// There is no queue: a dead letter is its saga, with its whole history. To send it
// again is to begin another saga with its task, since an id is never used again; and
// that somebody saw to it, and how, is written once, as the last event of the old one.
// So two who send it again at the same moment send it once.
package dlq
