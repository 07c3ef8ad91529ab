package owed_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/owed"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A saga began here, and is looked at ten minutes later.
var (
	began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now   = began.Add(10 * time.Minute)
)

// A story is a history, and who is there.
type story struct {
	t        *testing.T
	history  []events.Event
	presence owed.Presence
}

func (s *story) at(m float64, subject events.Subject, data any) *story {
	s.t.Helper()
	subject.Type, subject.ID = "kyc", "1"
	e, err := events.New(subject, "shop", events.Event{}, data)
	if err != nil {
		s.t.Fatal(err)
	}
	e.Seq, e.Time = uint64(len(s.history)+1), began.Add(time.Duration(m*float64(time.Minute)))
	s.history = append(s.history, e)
	return s
}

func (s *story) task() *story {
	return s.at(0, events.Subject{Kind: events.Submitted}, map[string]string{"name": "Ada"})
}

// claim begins a step; the deadline is a quarter of an hour after the beginning.
func (s *story) claim(m float64, step string, n int, agent string, after ...string) *story {
	return s.at(m, events.ClaimSubject("", step, n, ""), events.Claim{Agent: agent, Instance: agent + "@1", After: after, Deadline: began.Add(15*time.Minute + 12*time.Second)})
}

func (s *story) done(m float64, step, agent string) *story {
	return s.at(m, events.Subject{Step: step, Kind: events.Completed}, events.Done{Agent: agent})
}

func (s *story) failed(m float64, step string, n int, f events.Failure) *story {
	return s.at(m, events.Subject{Step: step, Kind: events.Failed, N: n}, f)
}

func (s *story) turn(m float64, r events.Reason) *story {
	return s.at(m, events.Subject{Kind: events.Unwinding}, events.Turn{Reason: r, By: "ada"})
}

func (s *story) undo(m float64, step, agent string) *story {
	return s.at(m, events.Subject{Step: step, Kind: events.Compensate, Agent: agent}, events.UndoOrder{Reason: events.ReasonFailed})
}

// hears puts an agent's consumers there, as its place in the choreography makes
// them. It was given a message some minutes ago, or never.
func (s *story) hears(agent, step string, ago float64, listens bool, waiting uint64, held int, after ...string) *story {
	filters := []string{"saga.kyc." + step + ".fallback-" + agent + ".*"}
	for _, name := range after {
		if name == "task" {
			filters = append(filters, "saga.kyc.task.submitted.*")
			continue
		}
		filters = append(filters, "saga.kyc."+name+".completed.*", "saga.kyc."+name+".skipped.*")
	}
	var last time.Time
	if ago > 0 {
		last = now.Add(-time.Duration(ago * float64(time.Minute)))
	}
	s.presence.Asked = true
	s.presence.Backlogs = append(s.presence.Backlogs,
		events.Backlog{Consumer: agent + "_forward", Agent: agent, Purpose: events.ForForward, Listens: listens, Waiting: waiting, Held: held, Last: last, Filters: filters},
		events.Backlog{Consumer: agent + "_compensate", Agent: agent, Purpose: events.ForCompensate, Listens: listens},
		events.Backlog{Consumer: "kyc_" + agent, Agent: agent, Purpose: events.ForTimers, Listens: listens},
	)
	return s.clock(listens)
}

// clock says whether anybody hears the saga's own timers.
func (s *story) clock(listens bool) *story {
	s.presence.Asked = true
	s.presence.Backlogs = append(s.presence.Backlogs, events.Backlog{Consumer: "kyc_", Purpose: events.ForClock, Listens: listens})
	return s
}

func (s *story) runs(agent, instance, declared string) *story {
	s.presence.Asked = true
	s.presence.Instances = append(s.presence.Instances, events.Instance{Type: "kyc", Agent: agent, Name: instance, Declared: json.RawMessage(declared)})
	return s
}

var down = events.Error{Code: "http_503", Message: "provider answered 503"}

func TestSentences(t *testing.T) {
	read := func(s *story) *story { return s.task().claim(0, "id", 1, "id").done(1, "id", "id") }
	retry := events.Failure{Agent: "face", Error: down, Class: events.Transient, Then: events.ThenRetry, Due: events.Duration(4*time.Minute + 30*time.Second)}
	handed := events.Failure{Agent: "face", Error: down, Class: events.Unavailable, Then: events.ThenFallback, Next: "face-lite"}
	for name, tell := range map[string]func(*story) *story{
		"no-task":        func(s *story) *story { return s },
		"nobody-asked":   read,
		"nobody-running": func(s *story) *story { return read(s).hears("face", "face", 4, false, 0, 0, "id").clock(true) },
		"nobody-at-all":  func(s *story) *story { return read(s).hears("face", "face", 4, false, 3, 0, "id") },
		"never-heard-of": func(s *story) *story { return read(s).hears("id", "id", 4, true, 0, 0, "task") },
		"first-nobody":   func(s *story) *story { return s.task().hears("id", "id", 0, false, 1, 0, "task") },
		"first-never":    func(s *story) *story { s.presence.Asked = true; return s.task() },
		"stranger":       func(s *story) *story { return read(s).hears("face", "face", 1, true, 0, 0, "id") },
		"backlog": func(s *story) *story {
			return read(s).hears("face", "face", 0.1, true, 340, 16, "id").runs("face", "face@1", "").runs("face", "face@2", "")
		},
		"working": func(s *story) *story {
			return read(s).claim(9, "face", 1, "face", "id").hears("face", "face", 1, true, 0, 1, "id").runs("face", "face@1", `{"lease":"30s"}`)
		},
		"worker-gone": func(s *story) *story {
			return read(s).claim(9, "face", 1, "face", "id").hears("face", "face", 1, true, 0, 1, "id").runs("face", "face@2", `{"lease":"30s"}`)
		},
		"worker-gone-and-all": func(s *story) *story {
			return read(s).claim(9, "face", 1, "face", "id").hears("face", "face", 1, false, 0, 0, "id").clock(true)
		},
		"worker-in-another-language": func(s *story) *story {
			return read(s).claim(9, "face", 1, "face", "id").hears("face", "face", 1, true, 0, 1, "id")
		},
		"held-by-nobody": func(s *story) *story {
			return read(s).claim(9, "face", 1, "face", "id").hears("face", "face", 1, false, 0, 1, "id")
		},
		"retry": func(s *story) *story {
			return read(s).claim(5, "face", 1, "face", "id").failed(6, "face", 1, retry).hears("face", "face", 1, true, 0, 0, "id").runs("face", "face@2", "")
		},
		"throttled": func(s *story) *story {
			f := retry
			f.Throttled, f.Error = true, events.Error{Code: "circuit_open", Message: "the circuit breaker is open"}
			return read(s).claim(5, "face", 1, "face", "id").failed(6, "face", 1, f).hears("face", "face", 1, true, 0, 0, "id").runs("face", "face@2", "")
		},
		"handed-over": func(s *story) *story {
			return read(s).claim(5, "face", 1, "face", "id").failed(6, "face", 1, handed).hears("face-lite", "face", 90, false, 1, 0)
		},
		"handed-to-a-typo": func(s *story) *story {
			f := handed
			f.Next = "face-light"
			return read(s).claim(5, "face", 1, "face", "id").failed(6, "face", 1, f).hears("face-lite", "face", 1, true, 0, 0)
		},
		"outside": func(s *story) *story {
			return read(s).claim(5, "face", 1, "face", "id").at(6, events.Subject{Step: "face", Kind: events.Pending, N: 1},
				events.Wait{Agent: "face", WaitsFor: "the bank's confirmation", Within: events.Duration(8 * time.Minute)}).hears("face", "face", 1, true, 0, 0, "id")
		},
		"person": func(s *story) *story {
			return read(s).claim(5, "face", 1, "desk", "id").at(6, events.Subject{Step: "face", Kind: events.Pending, N: 1},
				events.Wait{Agent: "desk", Person: true, Question: "Is it the same person?"}).clock(true)
		},
		"answered": func(s *story) *story {
			return read(s).claim(5, "face", 1, "desk", "id").at(6, events.Subject{Step: "face", Kind: events.Pending, N: 1}, events.Wait{Agent: "desk", Person: true}).
				at(8, events.Subject{Step: "face", Kind: events.Answered, N: 1}, events.Answer{Outcome: events.OutcomeCompleted, By: "ada"}).hears("desk", "face", 2, false, 0, 0)
		},
		"join": func(s *story) *story {
			return read(s).claim(2, "face", 1, "face", "id").done(3, "face", "face").claim(2, "doc", 1, "doc", "id").
				hears("risk", "risk", 3, false, 1, 0, "face", "doc").hears("doc", "doc", 8, true, 0, 1, "id").runs("doc", "doc@1", "")
		},
		"both-branches": func(s *story) *story {
			return read(s).claim(2, "face", 1, "face", "id").claim(2, "doc", 1, "doc", "id").
				hears("face", "face", 8, true, 0, 1, "id").hears("doc", "doc", 8, false, 0, 0, "id").hears("risk", "risk", 8, true, 0, 0, "face", "doc").runs("face", "face@1", "")
		},
		"end": func(s *story) *story { return read(s).runs("id", "id@1", `{"final":true}`).clock(true) },
		"overdue": func(s *story) *story {
			s.task().at(0, events.ClaimSubject("", "id", 1, ""), events.Claim{Agent: "id", Instance: "id@1", Deadline: began.Add(6 * time.Minute)})
			return s.hears("id", "id", 9, false, 0, 1, "task")
		},
		"overdue-but-somebody-is-there": func(s *story) *story {
			s.task().at(0, events.ClaimSubject("", "id", 1, ""), events.Claim{Agent: "id", Instance: "id@1", Deadline: began.Add(6 * time.Minute)})
			return s.hears("id", "id", 9, false, 0, 1, "task").clock(true)
		},
		"after-the-pivot": func(s *story) *story {
			return s.task().claim(0, "pay", 1, "pay").at(1, events.Subject{Kind: events.Committed}, events.Commitment{Step: "pay", Agent: "pay"}).
				done(1, "pay", "pay").hears("mail", "mail", 3, false, 1, 0, "pay")
		},
		"stranded": func(s *story) *story {
			return s.task().claim(0, "pay", 1, "pay").at(1, events.Subject{Kind: events.Committed}, events.Commitment{Step: "pay", Agent: "pay"}).
				done(1, "pay", "pay").claim(2, "mail", 1, "mail", "pay").failed(3, "mail", 1, events.Failure{Agent: "mail", Error: down, Then: events.ThenPerson})
		},
		"turning": func(s *story) *story {
			return read(s).turn(2, events.ReasonDeadline).hears("id", "id", 3, true, 0, 0, "task")
		},
		"turning-alone": func(s *story) *story {
			return read(s).turn(2, events.ReasonDeadline).hears("id", "id", 3, false, 0, 0, "task")
		},
		"undoing": func(s *story) *story {
			return read(s).turn(2, events.ReasonDeadline).undo(2, "id", "id").hears("id", "id", 3, true, 0, 0, "task").runs("id", "id@1", "")
		},
		"undoing-nobody": func(s *story) *story {
			return read(s).turn(2, events.ReasonDeadline).undo(2, "id", "id").hears("id", "id", 8, false, 0, 0, "task")
		},
		"undo-again": func(s *story) *story {
			return read(s).turn(2, events.ReasonDeadline).undo(2, "id", "id").
				at(8, events.Subject{Step: "id", Kind: events.UndoFailed, N: 1, Agent: "id"}, events.UndoFailure{Error: down, Then: events.ThenRetry, Due: events.Duration(5 * time.Minute)}).
				hears("id", "id", 2, true, 0, 0, "task").runs("id", "id@1", "")
		},
		"stuck": func(s *story) *story {
			return read(s).turn(2, events.ReasonDeadline).undo(2, "id", "id").
				at(8, events.Subject{Step: "id", Kind: events.UndoFailed, N: 1, Agent: "id"}, events.UndoFailure{Error: down, Then: events.ThenPerson})
		},
		"all-undone": func(s *story) *story {
			return read(s).turn(2, events.ReasonDeadline).undo(2, "id", "id").
				at(3, events.Subject{Step: "id", Kind: events.Compensated, Agent: "id"}, events.Undone{By: "id@1", Found: events.FoundUndone}).hears("id", "id", 7, false, 0, 0, "task")
		},
		"rejected-after-a-pivot-elsewhere": func(s *story) *story {
			return s.task().claim(0, "id", 1, "id").at(1, events.Subject{Kind: events.Rejected}, events.Rejection{Agent: "doc", Error: events.Error{Message: "no name"}}).clock(false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			compare(t, name, tell(&story{t: t}))
		})
	}
}

func compare(t *testing.T, name string, s *story) {
	t.Helper()
	state, err := saga.Fold(s.history)
	if err != nil {
		t.Fatal(err)
	}
	debts := owed.Of(state, s.history, s.presence)
	var b strings.Builder
	for _, mode := range []string{ink.Relative, ink.UTC} {
		b.WriteString(owed.Sentence(state, debts, s.presence, ink.Times{Mode: mode, Now: now}) + "\n\n")
	}
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	if err := e.Encode(owed.Reports(state, debts, s.presence, ink.Times{Now: now})); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}
