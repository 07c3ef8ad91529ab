package sagatest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/when"
)

// A Story is who takes part, what goes wrong, and when.
type Story struct {
	Name   string
	About  string // the comment at its top
	Cast   []Actor
	Cues   []Cue
	Cuts   []Cut
	Until  time.Duration // how long the story goes on at the most
	Late   bool          // a late replica takes part: I2 and I3 hold only at its end
	Left   bool          // something is left behind, and that is the point
	Behind time.Duration // reads show what they must, and what is older
	Revive time.Duration // who dies is back so much later; 0: only when told
	Open   bool          // the resources keep no barrier: a key that was undone can be done again

	Want   string // the history below the line
	script string // what stands above it
}

// An Actor is an agent of a story.
type Actor struct {
	Config   config.Config
	Replicas int
	Takes    time.Duration // each call
	Hears    time.Duration // how long each delivery is on its way
	Does     []string      // what its calls come to, the last one again and again
	Undoes   []string      // the same for its compensation
}

// A Cue is something that happens from outside at a time.
type Cue struct {
	At   time.Duration
	What string   // submit, cancel, kill, start, freeze, thaw, redo, by-hand, attend, doubt, configure
	Args []string // its words
}

const rule = "----\n"

// ParseStory reads a story's file:
//
//	agent NAME [step=S] [after=A,B] [final] [pivot] [stand-in] [takes=D] [timeout=D]
//	           [deadline=D] [replicas=N] [retries=N] [undo-retries=N]
//	           [takeovers=N] [fallback=A,B] [nothing-to-undo]
//	           [hears=D] [concurrency=N] [never-refuses] [rate=N/D] [breaker=N/D] [checked]
//	           [picky] (the task does not fit its schema, unless it has a "stamp")
//	           [when=EXPR] (with blanks: when='EXPR')
//	                         rate: so many calls in so much time; breaker: open
//	                         for so long after so many failures in a row;
//	                         checked: garbage does not fit its result schema
//	does   NAME OUTCOME...   ok, fail, garbage, unavailable, refuse, retry-after=D, panic,
//	                         unknown (done, but the answer is lost), lost (not
//	                         done, and the answer is lost), hang, die
//	                         stray (it does not hear that its time is up, and
//	                         does it later)
//	                         asks[=D] (a person, who has so long to answer)
//	                         accepted[=D] (done, and its outcome comes later)
//	                         large (done, with a result that goes to the shelf)
//	                         read=STEP (done, with the result of a step before it)
//	undoes NAME OUTCOME...   ok, fail, panic, unknown (undone, but the answer is
//	                         lost), hang, die, slow=D
//	at TIME submit [JSON] | cancel | kill NAME | start NAME |
//	        freeze NAME | thaw NAME | redo STEP AGENT | by-hand STEP AGENT |
//	        answer STEP OUTCOME [NEXT | ATTEMPT] (somebody does it, if it was
//	        asked for, and says so; or says something else; to the last attempt,
//	        or to one that has not asked yet, or has failed) |
//	        attend [EVERY] (a person does what waits for one, and asks again for
//	        whatever is stuck; 20 times) |
//	        doubt (and for what was undone, if the saga went back) |
//	        configure NAME when=EXPR (when it starts the next time)
//	cut crash-before|crash-after|pause|lose STEP EVENT [TIME]
//	                         whoever first appends this event dies there and is
//	                         back after TIME (2s); or is frozen before it for
//	                         TIME; or its answer is lost
//	cut crash-before|pause timer WHAT-N | read AGENT-N | store AGENT-N [TIME]
//	                         the same where a timer is set, or at an agent's
//	                         nth read, or where it stores its nth large result
//	revive TIME              who dies is back after TIME
//	until TIME
//	late | left | no-barrier
//	behind TIME              reads are served by a replica that is behind
//
// NAME of kill, start, freeze and thaw is an agent, one of its replicas
// (seat#2), "working" for whoever is in the middle of a call, or "frozen". There is no jitter in a story: waits are what the policy says.
func ParseStory(name, text string) (*Story, error) {
	script, want, _ := strings.Cut(text, rule)
	s := &Story{Name: name, Want: want, Until: time.Hour, script: script}
	for i, line := range strings.Split(script, "\n") {
		if about, ok := strings.CutPrefix(line, "#"); ok {
			s.About = strings.TrimSpace(s.About + about)
			continue
		}
		if words := fields(line); len(words) > 0 {
			if err := s.read(words); err != nil {
				return nil, fmt.Errorf("story %s:%d: %w", name, i+1, err)
			}
		}
	}
	return s, nil
}

func (s *Story) read(words []string) (err error) {
	verb, words := words[0], words[1:]
	need := map[string]int{"agent": 1, "does": 2, "undoes": 2, "at": 2, "until": 1, "revive": 1, "behind": 1, "cut": 3}
	if len(words) < need[verb] {
		return fmt.Errorf("%s needs at least %d words", verb, need[verb])
	}
	switch verb {
	case "agent":
		a, err := readActor(words[0], words[1:])
		s.Cast = append(s.Cast, a)
		return err
	case "does", "undoes":
		i := slices.IndexFunc(s.Cast, func(a Actor) bool { return a.Config.Agent == words[0] })
		if i < 0 {
			return fmt.Errorf("%s: no agent %q", verb, words[0])
		}
		if verb == "does" {
			s.Cast[i].Does = words[1:]
		} else {
			s.Cast[i].Undoes = words[1:]
		}
	case "at":
		return s.cue(words)
	case "cut":
		c, err := readCut(words)
		s.Cuts = append(s.Cuts, c)
		return err
	case "revive":
		s.Revive, err = time.ParseDuration(words[0])
	case "until":
		s.Until, err = time.ParseDuration(words[0])
	case "late":
		s.Late = true
	case "left":
		s.Left = true
	case "behind":
		s.Behind, err = time.ParseDuration(words[0])
	case "no-barrier":
		s.Open = true
	default:
		return fmt.Errorf("no such line: %q", verb)
	}
	return err
}

// visits is how often a person attends who comes again and again.
const visits = 20

func (s *Story) cue(words []string) error {
	at, err := time.ParseDuration(words[0])
	if err != nil {
		return err
	}
	c := Cue{At: at, What: words[1], Args: words[2:]}
	s.Cues = append(s.Cues, c)
	if c.What != "attend" || len(c.Args) == 0 {
		return nil
	}
	every, err := time.ParseDuration(c.Args[0])
	for range visits - 1 {
		c.At += every
		s.Cues = append(s.Cues, c)
	}
	return err
}

func readActor(name string, words []string) (a Actor, err error) {
	retries, undoRetries := 0, 0
	a = Actor{Replicas: 1, Does: []string{"ok"}, Undoes: []string{"ok"}}
	a.Config = config.Config{Agent: name, Saga: "story", Step: name, Timeout: 20 * time.Second, Lease: lease, CompensationHandler: "undo"}
	number := func(into *int, v string) { *into, err = strconv.Atoi(v) }
	period := func(into *time.Duration, v string) { *into, err = time.ParseDuration(v) }
	for _, word := range words {
		key, v, _ := strings.Cut(word, "=")
		switch key {
		case "step":
			a.Config.Step = v
		case "after":
			a.Config.After = strings.Split(v, ",")
		case "final":
			a.Config.Final = true
		case "pivot":
			a.Config.Pivot = true
		case "never-refuses":
			a.Config.NeverRefuses = true
		case "stand-in":
			a.Config.StandIn = true
		case "when":
			a.Config.When, err = when.Compile(v)
		case "takes":
			period(&a.Takes, v)
		case "hears":
			period(&a.Hears, v)
		case "concurrency":
			number(&a.Config.Concurrency, v)
		case "timeout":
			period(&a.Config.Timeout, v)
		case "deadline":
			period(&a.Config.Deadline, v)
		case "replicas":
			number(&a.Replicas, v)
		case "retries":
			number(&retries, v)
		case "undo-retries":
			number(&undoRetries, v)
		case "takeovers":
			number(&a.Config.MaxTakeovers, v)
		case "fallback":
			a.Config.FallbackAgents = strings.Split(v, ",")
		case "rate", "breaker", "checked":
			err = a.rail(key, v)
		case "picky":
			a.Config.TaskSchema, err = config.NewSchema("task.schema.json", []byte(`{"required": ["stamp"]}`))
		case "nothing-to-undo":
			a.Config.CompensationHandler = config.NoCompensation
		default:
			err = fmt.Errorf("agent %s: no such word: %q", name, word)
		}
		if err != nil {
			return a, err
		}
	}
	policy := config.RetryPolicy{BaseDelay: time.Second, MaxDelay: time.Minute, Multiplier: 2}
	policy.MaxRetries = retries
	a.Config.RetryPolicy = policy.Exactly()
	policy.MaxRetries = undoRetries
	a.Config.CompensationRetryPolicy = policy.Exactly()
	return a, nil
}

// outcome is what call n (from 0) of a list comes to.
func outcome(list []string, n int) (what, arg string) {
	what, arg, _ = strings.Cut(list[min(n, len(list)-1)], "=")
	return what, arg
}

// File prints the story as its file, with another history below the line.
func (s *Story) File(history string) string { return s.script + rule + history }
