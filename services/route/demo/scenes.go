package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/route/providers"
	"github.com/unwind-saga/unwind/services/route/trip"
	"github.com/unwind-saga/unwind/services/route/world"
)

// A scene is one order, and what goes wrong with it. There is one van: those of
// the same hour want it at the same time.
type scene struct {
	id, title    string
	from, to     string
	hour         int
	within       time.Duration // how long the drive may take
	google, osrm providers.Fault
	kill         string          // the agent that is killed while it works
	person       []events.Answer // what a person says who is asked, one time after the other
	judge        func(*saga.State) error
}

var scenes = []scene{
	{
		id: "traffic", title: "Vaduz to Balzers, and all is well: Google answers, with the traffic",
		from: "Vaduz", to: "Balzers", hour: 1, within: 40 * time.Minute,
		judge: answered("google", trip.Traffic, "google"),
	},
	{
		id: "taken", title: "Another order wants the only van at the same time: refused",
		from: "Schaan", to: "Ruggell", hour: 1, within: 40 * time.Minute,
		judge: turned("vehicle", "no_vehicle"),
	},
	{
		id: "expired", title: "Google's key has expired: OSRM is asked at once",
		from: "Vaduz", to: "Malbun", hour: 2, within: 40 * time.Minute,
		google: providers.Fault{Mode: providers.Expired},
		judge:  answered("osrm", trip.Roads, "google denied", "osrm"),
	},
	{
		id: "throttled", title: "Google is asked too often: it is given the two seconds that it wants",
		from: "Schaan", to: "Ruggell", hour: 3, within: 40 * time.Minute,
		google: providers.Fault{Mode: providers.Throttle, RetryAfter: 2, Count: 1},
		judge:  both(answered("google", trip.Traffic, "google http_429", "google"), waited(2*time.Second)),
	},
	{
		id: "estimate", title: "Google answers a page of HTML, OSRM a hundredth of the way: neither is believed",
		from: "Vaduz", to: "Balzers", hour: 4, within: 40 * time.Minute,
		google: providers.Fault{Mode: providers.Page}, osrm: providers.Fault{Mode: providers.Absurd},
		judge: answered("heuristic", trip.Estimate, "google garbage", "google garbage", "google garbage", "osrm implausible", "heuristic"),
	},
	{
		id: "too-late", title: "The same with 20 minutes: enough by Google, not by an estimate's bound. The van is freed",
		from: "Vaduz", to: "Balzers", hour: 5, within: 20 * time.Minute,
		google: providers.Fault{Mode: providers.Expired}, osrm: providers.Fault{Mode: providers.Expired},
		judge: turned("dispatch", "too_late"),
	},
	{
		id: "again", title: "With Google back it is in time, and the freed van goes",
		from: "Vaduz", to: "Balzers", hour: 5, within: 20 * time.Minute,
		judge: answered("google", trip.Traffic, "google"),
	},
	{
		id: "sea", title: "Vaduz to Reykjavik: no map has a road, the heuristic invents none, a person knows none. The van is freed",
		from: "Vaduz", to: "Reykjavik", hour: 6, within: 23 * time.Hour,
		person: []events.Answer{{Outcome: events.OutcomeRefused, Reason: "we don't do islands"}},
		judge:  both(turned("directions", "refused"), attempts("google no_route", "osrm no_route", "heuristic elsewhere", "operator refused")),
	},
	{
		id: "plane", title: "The same again: the person lets Google try once more, in vain, and then knows a plane",
		from: "Vaduz", to: "Reykjavik", hour: 7, within: 23 * time.Hour,
		person: []events.Answer{
			{Outcome: events.OutcomeRetry, Next: "google", Reason: "they may have a road by now"},
			{Outcome: events.OutcomeCompleted, Reason: "by Zurich and Keflavik", Data: json.RawMessage(`{"distance_m": 2700000, "duration_s": 28800, "by": "Ada", "quality": "person"}`)},
		},
		judge: answered("operator", trip.Person, "google no_route", "osrm no_route", "heuristic elsewhere", "operator retry", "google no_route", "operator"),
	},
	{
		id: "killed", title: "Google hangs, and the process that waits for it is killed",
		from: "Eschen", to: "Triesenberg", hour: 6, within: 40 * time.Minute,
		google: providers.Fault{Mode: providers.Hang, Count: 1}, kill: "google",
		judge: answered("google", trip.Traffic, "google ?", "google"),
	},
}

// answered demands that the saga completed, with directions by this agent, of
// this quality, after these attempts.
func answered(by string, quality trip.Quality, tries ...string) func(*saga.State) error {
	return func(s *saga.State) error {
		if s.Status() != saga.Completed {
			return fmt.Errorf("it is %s, and should have completed", s.Status())
		}
		d, err := directions(s)
		if err != nil {
			return err
		}
		if s.Step("directions").Done.Agent != by || d.By != by && quality != trip.Person || d.Quality != quality {
			return fmt.Errorf("the directions are by %s (%s), and should be by %s (%s)", d.By, d.Quality, by, quality)
		}
		return attempts(tries...)(s)
	}
}

// attempts demands that the directions were tried by these agents, and failed
// with these codes: "?" for one whose end nobody knows, none for one that worked.
func attempts(want ...string) func(*saga.State) error {
	return func(s *saga.State) error {
		var got []string
		all := s.Step("directions").Attempts
		for i, a := range all {
			switch {
			case a.Failure != nil:
				got = append(got, a.Claim.Agent+" "+a.Failure.Error.Code)
			case i < len(all)-1:
				got = append(got, a.Claim.Agent+" ?")
			default:
				got = append(got, a.Claim.Agent)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("the attempts were %q, and should have been %q", got, want)
		}
		return nil
	}
}

// waited demands that the second attempt kept so far from the first's end.
func waited(least time.Duration) func(*saga.State) error {
	return func(s *saga.State) error {
		a := s.Step("directions").Attempts
		if d := a[1].Claimed.Time.Sub(a[0].Failed.Time); d < least {
			return fmt.Errorf("the second attempt came after %s, and should have waited for %s", d, least)
		}
		return nil
	}
}

// turned demands that the saga was turned by this step, and went back.
func turned(step, code string) func(*saga.State) error {
	return func(s *saga.State) error {
		if s.Status() != saga.Compensated {
			return fmt.Errorf("it is %s, and should have been compensated", s.Status())
		}
		if t := s.Turn; t.Reason != events.ReasonFailed || t.Step != step || t.Error == nil || t.Error.Code != code {
			return fmt.Errorf("it was turned by %s of %q (%v), and should have been by %q (%s)", t.Reason, t.Step, t.Error, step, code)
		}
		return nil
	}
}

func both(one, other func(*saga.State) error) func(*saga.State) error {
	return func(s *saga.State) error { return errors.Join(one(s), other(s)) }
}

// whole demands that a saga which completed has its reservation and its promise,
// and any other nothing.
func whole(s *saga.State, effects []world.Effect) error {
	if s.Status() != saga.Completed {
		if len(effects) > 0 {
			return fmt.Errorf("it left %v behind", effects)
		}
		return nil
	}
	if len(effects) != 2 || effects[0].Where != "vehicle" || effects[1].Where != "dispatch" || effects[0].Vehicle != effects[1].Vehicle {
		return fmt.Errorf("it should have a reservation and a promise of one vehicle, and has %v", effects)
	}
	return nil
}

func directions(s *saga.State) (trip.Directions, error) {
	step := s.Step("directions")
	if step == nil || step.Done == nil {
		return trip.Directions{}, errors.New("there are no directions")
	}
	var d trip.Directions
	err := json.Unmarshal(step.Done.Result, &d)
	return d, err
}
