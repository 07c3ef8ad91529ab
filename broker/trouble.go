package broker

import "time"

// A trouble is something that fails again and again. It is told once, and only
// when it has lasted: a leader's election is no news. While there is no
// connection it is told nothing, because the connection has told.
type trouble struct {
	l     *Log
	since time.Time
	told  bool
}

// silence is how long something may go wrong before it is worth a line.
const silence = 3 * time.Second

func (l *Log) trouble() *trouble { return &trouble{l: l, since: time.Now()} }

func (t *trouble) tell(what string, args ...any) {
	switch {
	case !t.l.nc.IsConnected():
		t.since = time.Now()
	case !t.told && time.Since(t.since) > silence:
		t.told = true
		t.l.log.Warn(what, args...)
	}
}
