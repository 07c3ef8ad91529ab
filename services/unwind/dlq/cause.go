package dlq

import (
	"cmp"
	"slices"
	"time"
)

// A Cause is what several dead letters have in common.
type Cause struct {
	Type  string `json:"type"`
	Kind  Kind   `json:"kind"`
	Step  string `json:"step,omitempty"`
	Agent string `json:"agent,omitempty"`
	Code  string `json:"code,omitempty"`

	Count   int       `json:"count"`
	Message string    `json:"message,omitempty"` // of the last one
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	ID      string    `json:"id"` // of the last one
}

// Causes groups dead letters, the most frequent cause first.
func Causes(letters []Letter) []Cause {
	type key struct {
		typ               string
		kind              Kind
		step, agent, code string
	}
	var order []key
	causes := map[key]*Cause{}
	for _, l := range letters {
		k := key{l.Type, l.Kind, l.Step, l.Agent, l.Code}
		c := causes[k]
		if c == nil {
			c = &Cause{Type: l.Type, Kind: l.Kind, Step: l.Step, Agent: l.Agent, Code: l.Code, First: l.Ended}
			causes[k], order = c, append(order, k)
		}
		c.Count++
		if l.Ended.Before(c.First) {
			c.First = l.Ended
		}
		if !l.Ended.Before(c.Last) {
			c.Last, c.Message, c.ID = l.Ended, l.Message, l.ID
		}
	}
	list := make([]Cause, len(order))
	for i, k := range order {
		list[i] = *causes[k]
	}
	slices.SortStableFunc(list, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), b.Last.Compare(a.Last))
	})
	return list
}

// A Filter chooses dead letters; what is empty chooses all.
type Filter struct {
	Kind        Kind
	Step, Agent string
	Code        string
	Since       time.Time // ended then or later
	Before      time.Time // ended before
}

// Matches reports whether a dead letter is chosen.
func (f Filter) Matches(l Letter) bool {
	is := func(want, have string) bool { return want == "" || want == have }
	return is(string(f.Kind), string(l.Kind)) && is(f.Step, l.Step) && is(f.Agent, l.Agent) && is(f.Code, l.Code) &&
		(f.Since.IsZero() || !l.Ended.Before(f.Since)) && (f.Before.IsZero() || l.Ended.Before(f.Before))
}
