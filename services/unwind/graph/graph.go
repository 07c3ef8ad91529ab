package graph

import (
	"cmp"
	"slices"
	"strings"

	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/lint"
	"github.com/unwind-saga/unwind/services/unwind/roster"
)

// A Graph is the choreography of a saga type. Steps come in the order in which
// they can be performed.
type Graph struct {
	Type     string    `json:"type"`
	Live     bool      `json:"live"` // it says who is there, too
	Steps    []Step    `json:"steps"`
	Missing  []string  `json:"missing"`            // agents that have a part in it and are not there
	Unjudged []string  `json:"unjudged,omitempty"` // those of whom it is not known what they are configured to
	Findings []Finding `json:"findings"`
}

// A Step is one box.
type Step struct {
	Name    string   `json:"step"`
	After   []string `json:"after"` // none: it begins with the task
	When    string   `json:"when,omitempty"`
	Pivot   bool     `json:"pivot,omitempty"`
	Final   bool     `json:"final,omitempty"`
	Players []Player `json:"players"` // the primary first, then its chain; none: nobody plays it
}

// A Player is an agent at its step.
type Player struct {
	Agent    string `json:"agent"`
	StandIn  bool   `json:"stand_in,omitempty"`
	Running  int    `json:"instances"`
	There    bool   `json:"there"`    // it runs, or somebody listens in its name
	Declared bool   `json:"declared"` // it is known how it is configured
	Undo     Undo   `json:"undo"`
}

// Undo says whether a player can take back what it did.
type Undo string

// What is known of it.
const (
	CanUndo     Undo = "yes"
	NothingToDo Undo = "none" // it leaves nothing behind
	CantUndo    Undo = "no"   // nobody said how
	UnknownUndo Undo = "unknown"
)

// A Finding is one of package lint, without its place in a file.
type Finding struct {
	Severity lint.Severity `json:"severity"`
	Code     lint.Code     `json:"code"`
	Text     string        `json:"text"`
	Hint     string        `json:"hint,omitempty"`
}

// Live is the choreography as the agents have it that the roster knows of a type.
func Live(typ string, agents []roster.Agent) Graph {
	g := Graph{Type: typ, Live: true, Missing: []string{}}
	players := map[string]Player{}
	var all, declared []config.Config
	for _, a := range agents {
		if a.Type != typ {
			continue
		}
		c := a.Heard()
		if a.Config != nil {
			c = *a.Config
			declared = append(declared, c)
		} else {
			c.Step = cmp.Or(c.Step, a.Step)
			g.Unjudged = append(g.Unjudged, a.Agent)
		}
		if a.Config == nil && len(a.Backlogs) == 0 {
			continue // nothing says where it stands
		}
		all = append(all, c)
		players[a.Agent] = Player{Agent: a.Agent, StandIn: c.StandIn, Running: a.Running, There: a.There(), Declared: a.Config != nil, Undo: undo(c, a.Config != nil)}
	}
	g.build(all, players)
	g.judge(declared)
	return g
}

// Files is the choreography that agents' files make.
func Files(typ string, agents []config.Config) Graph {
	g := Graph{Type: typ, Missing: []string{}}
	players := map[string]Player{}
	var all []config.Config
	for _, c := range agents {
		if c = c.WithDefaults(); c.Saga == typ {
			all = append(all, c)
			players[c.Agent] = Player{Agent: c.Agent, StandIn: c.StandIn, There: true, Declared: true, Undo: undo(c, true)}
		}
	}
	g.build(all, players)
	g.judge(all)
	return g
}

func undo(c config.Config, declared bool) Undo {
	switch {
	case !declared:
		return UnknownUndo
	case c.CompensationHandler == config.NoCompensation:
		return NothingToDo
	case c.CompensationHandler == "":
		return CantUndo
	default:
		return CanUndo
	}
}

// build makes the steps. Who is named and not there is missing.
func (g *Graph) build(all []config.Config, players map[string]Player) {
	slices.SortStableFunc(all, func(a, b config.Config) int { return cmp.Compare(a.Agent, b.Agent) })
	steps := map[string]*Step{}
	of := func(name string) *Step {
		if steps[name] == nil {
			steps[name] = &Step{Name: name, After: []string{}, Players: []Player{}}
		}
		return steps[name]
	}
	join := func(s *Step, agent string) {
		if slices.ContainsFunc(s.Players, func(p Player) bool { return p.Agent == agent }) {
			return
		}
		p, known := players[agent]
		if !known {
			p = Player{Agent: agent, StandIn: true, Undo: UnknownUndo}
		}
		s.Players = append(s.Players, p)
	}
	for _, c := range all { // primaries, and their chains behind them
		if c.StandIn {
			continue
		}
		s := of(c.Step)
		for _, before := range c.After {
			of(before)
			if !slices.Contains(s.After, before) {
				s.After = append(s.After, before)
			}
		}
		if c.When != nil && s.When == "" {
			s.When = c.When.String()
		}
		s.Pivot, s.Final = s.Pivot || c.Pivot, s.Final || c.Final
		join(s, c.Agent)
		for _, next := range c.FallbackAgents {
			join(s, next)
		}
	}
	for _, c := range all {
		if c.StandIn {
			join(of(c.Step), c.Agent)
		}
	}
	for _, name := range order(steps) {
		s := *steps[name]
		g.Steps = append(g.Steps, s)
		for _, p := range s.Players {
			if !p.There && !slices.Contains(g.Missing, p.Agent) {
				g.Missing = append(g.Missing, p.Agent)
			}
		}
	}
	if g.Steps == nil {
		g.Steps = []Step{}
	}
}

// order puts each step behind those that it follows, as far as they do not wait
// for each other.
func order(steps map[string]*Step) (names []string) {
	depth, busy := map[string]int{}, map[string]bool{}
	var visit func(name string) int
	visit = func(name string) int {
		if d, ok := depth[name]; ok || busy[name] {
			return d
		}
		busy[name] = true
		d := 0
		for _, before := range steps[name].After {
			d = max(d, visit(before)+1)
		}
		depth[name] = d
		return d
	}
	var all []string
	for name := range steps {
		all = append(all, name)
	}
	slices.Sort(all)
	for _, name := range all {
		visit(name)
	}
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Compare(depth[a], depth[b]) })
	return all
}

// whole are the findings that only hold when all agents are known: one that is
// not running may well be who is looked for.
var whole = []lint.Code{
	lint.NoPrimary, lint.UnknownStep, lint.NoFinal, lint.LooseStep, lint.UnknownAgent, lint.IdleStandIn,
	lint.UnknownResult, lint.UncheckedResults, lint.BreakerAlone, lint.RefusalBeside,
}

func (g *Graph) judge(agents []config.Config) {
	g.Findings = []Finding{}
	for _, f := range lint.Check(agents) {
		if len(g.Unjudged) > 0 && slices.Contains(whole, f.Code) {
			continue
		}
		g.Findings = append(g.Findings, Finding{f.Severity, f.Code, f.Text, f.Hint})
	}
}

// begins reports whether a step begins with the task.
func (s Step) begins() bool { return len(s.After) == 0 && len(s.Players) > 0 && !s.Players[0].StandIn }

// instances counts the processes of all agents.
func (g Graph) instances() (n int) {
	for _, s := range g.Steps {
		for _, p := range s.Players {
			n += p.Running
		}
	}
	return n
}

func (g Graph) agents() (n int) {
	for _, s := range g.Steps {
		n += len(s.Players)
	}
	return n
}

// words joins what is not empty.
func words(sep string, all ...string) string {
	return strings.Join(slices.DeleteFunc(all, func(s string) bool { return s == "" }), sep)
}
