// Package replay gives the calls that an agent got in a saga to another build of
// it, and compares what comes of them with what came of them then.
//
//	calls, err := replay.Calls(ctx, history, "face-matching", shelf)
//	rehearsal, err := agent.Rehearse(cfg, handler, shelf, nil)
//	for _, c := range calls {
//		fmt.Println(replay.Try(ctx, rehearsal, c, replay.Ignoring{}))
//	}
//
// A call is what the agent's function was given: the task, the results of the steps
// before, the key and the number of the attempt, or the token and the reason of an
// undoing. All of it is read from the history. The deadline of the saga is moved to
// now, so that as much time is left as was left then.
//
// # What is compared
//
// What completed, by its result: key by key, numbers by their value. What failed, by
// its class and code; the text of an error may differ. What was undone, by whether it
// was. Undo tokens are not compared, they name what was made elsewhere at another
// time.
//
// Some attempts have no outcome that their function would know of: the process died,
// a breaker was open, a person answered in its place. Such a call is made, and what
// comes of it is compared with nothing.
//
// # What it is not
//
// Nothing is written and no agent is told. What the function itself does, in a
// database or at a provider, is its own: whoever replays brings a world in which it
// may.
package replay
