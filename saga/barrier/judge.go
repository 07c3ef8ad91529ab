package barrier

import "github.com/unwind-saga/unwind/saga/agent"

// A call is what is asked of a key.
type call string

const (
	callDo        call = "do"
	callUndo      call = "undo"
	callBegin     call = "begin"
	callDone      call = "finish"
	callFailed    call = "take back"
	callBeginUndo call = "begin to undo"
	callUndone    call = "finish undoing"
)

// A move is what follows from a call and what is noted of its key.
type move int

const (
	answer move = iota // what is noted; nothing happens
	run                // the effect, and note that
	write              // what has happened outside, or is about to
	forget             // as if the key had never been seen
)

// judge is the whole barrier: what a call means for a key in a state, and what
// is to be noted then. It knows no database and no time.
func judge(c call, was Note) (then move, next Note, err error) {
	next = was
	switch string(c) + ":" + string(was.State) {
	case "do:":
		next.State = Done
		return run, next, nil
	case "do:done", "begin:done", "finish:done": // B1
		return answer, was, nil

	case "undo:", "begin to undo:": // B3: nothing to undo, and nothing ever will be
		next.State = Dead
		return write, next, nil
	case "undo:done":
		next.State, next.Found = Dead, true
		return run, next, nil
	case "undo:dead", "begin to undo:dead", "finish undoing:dead": // B2
		return answer, was, nil
	case "do:dead", "begin:dead", "finish:dead", "do:undoing", "begin:undoing", "finish:undoing": // B3
		return answer, was, agent.ErrDead

	case "begin:", "begin:begun":
		next.State, next.Tries = Begun, was.Tries+1
		return write, next, nil
	case "finish:begun":
		next.State, next.Tries = Done, 0
		return write, next, nil
	case "take back:begun":
		if next.Tries--; next.Tries > 0 { // another's end is unknown still
			return write, next, nil
		}
		return forget, Note{Key: was.Key}, nil
	case "take back:", "take back:done", "take back:undoing", "take back:dead":
		return answer, was, nil

	case "begin to undo:begun", "begin to undo:done":
		next.State, next.Found = Undoing, was.State == Done
		return write, next, nil
	case "begin to undo:undoing":
		return answer, was, nil
	case "finish undoing:undoing":
		next.State = Dead
		return write, next, nil

	case "finish:", "finish undoing:", "finish undoing:begun", "finish undoing:done":
		return answer, was, ErrNotBegun
	default: // do:begun, undo:begun, undo:undoing
		return answer, was, ErrBegun
	}
}
