package owed

import (
	"time"

	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// A Report is a debt for a program. Its keys are fixed.
type Report struct {
	Step      string    `json:"step"`  // empty: the saga as a whole, or a step that nobody knows by name
	Agent     string    `json:"agent"` // who owes it; empty: any agent of the type, or nobody knows who
	What      Kind      `json:"what"`
	Person    bool      `json:"person"` // a person owes it, and not the agent
	Attempt   int       `json:"attempt,omitempty"`
	Since     time.Time `json:"since,omitzero"`
	Due       time.Time `json:"due,omitzero"`
	After     []string  `json:"after,omitempty"`
	Waits     []string  `json:"waits,omitempty"` // begin: the steps that are not done yet
	Instance  string    `json:"instance,omitempty"`
	Instances []string  `json:"instances"`          // of the agent that announce themselves; null: nobody was asked
	Listens   *bool     `json:"listens"`            // somebody asks for the agent's messages, announced or not; null: nobody was asked
	LastSeen  time.Time `json:"last_seen,omitzero"` // when the agent was last given a message
	Backlog   uint64    `json:"backlog"`            // messages that wait at its door
	TurnsAt   time.Time `json:"turns_at,omitzero"`  // when the saga turns by itself, if it still can
	Says      string    `json:"says"`
}

// Reports tells debts to a program.
func Reports(s *saga.State, debts []Debt, p Presence, t ink.Times) []Report {
	list := []Report{}
	for _, d := range debts {
		r := Report{
			Step: d.Step, Agent: d.Agent, What: d.Kind, Person: d.Person(), Attempt: d.Attempt,
			Since: d.Since, Due: d.Due, After: d.After, Waits: d.Waits, Instance: d.Instance, Says: d.Say(s, p, t),
		}
		if p.Asked && d.Agent != "" {
			seat := p.of(d.Agent, d.door())
			r.Instances = append([]string{}, seat.instances...)
			r.Listens, r.LastSeen, r.Backlog = &seat.listens, seat.seen, seat.waiting
		}
		if !s.Turned() && s.Committed == nil {
			r.TurnsAt = s.Deadline
		}
		list = append(list, r)
	}
	return list
}
