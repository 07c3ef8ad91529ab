// Package replay steps through a saga's history, forward and back in time.
//
//	tape := replay.New(history)
//	p := tape.At(7)              // as it stood after its seventh event
//	changes := tape.Diff(3, 7)   // and what has changed since the third
//
// At each point there is the state as the events up to there fold, what the saga
// was waiting for then, and what the rules say was owed: the moves that whoever
// acknowledged a message at that moment had to make ([saga.State.Settle] and
// [saga.State.Advance]), each with the place at which it was written later, if it
// was. What the tape tells is what the history says. Who was running at the time
// nobody wrote down, so nothing is said about that.
//
// An event that came too late to count is a point as well, and marked: nothing
// changed by it. One that makes no sense where it stands is the last point that
// can be folded and one more, with the reason; those after it are told without a
// state.
//
// [Print] writes a point for people, [List] all of them in a line each, [Reports]
// tells them to programs, and [Watch] lets a person step with keys. Nothing here
// publishes, and nothing is asked of a broker.
package replay
