package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/route"
	"github.com/unwind-saga/unwind/services/route/osrmhttp"
	"github.com/unwind-saga/unwind/services/route/question"
	"github.com/unwind-saga/unwind/services/route/trip"
)

type settings struct {
	Address     string        `yaml:"address"`
	Profile     string        `yaml:"profile"`
	Patience    time.Duration `yaml:"patience"`
	Longest     time.Duration `yaml:"longest_wait"`
	Attribution string        `yaml:"attribution"`
}

type atlas struct {
	settings
	client *osrmhttp.Client
}

func open(o route.Office) (agent.Handler, error) {
	var s settings
	if err := o.Config.Settings(&s); err != nil {
		return agent.Handler{}, err
	}
	client, err := osrmhttp.New(s.Address, osrmhttp.Config{Profile: s.Profile, Radius: trip.Off, Timeout: s.Patience})
	if err != nil {
		return agent.Handler{}, err
	}
	return agent.Handler{Perform: atlas{s, client}.look}, nil
}

func (a atlas) look(ctx context.Context, t agent.Task) (agent.Result, error) {
	o, err := trip.Read(t.Payload)
	if err != nil {
		return agent.Result{}, agent.Refuse("bad_order", "%w", err)
	}
	r, err := a.client.Route(ctx, o.From, o.To)
	if err != nil {
		return agent.Result{}, fmt.Errorf("ask OSRM: %w", question.Within(a.Longest, failure(err)))
	}
	if !(r.Metres < math.MaxInt32 && r.Seconds < math.MaxInt32) {
		return agent.Result{}, question.Implausible(fmt.Errorf("%v m in %v s", r.Metres, r.Seconds))
	}
	found := trip.Directions{
		Metres: int(math.Round(r.Metres)), Seconds: int(math.Ceil(r.Seconds)), Polyline: trip.Line(r.Polyline),
		By: t.Agent, Quality: trip.Roads, Attribution: a.Attribution,
	}
	if err := found.Check(o, r.From, r.To); err != nil {
		return agent.Result{}, question.Implausible(err)
	}
	return agent.Result{Data: found}, nil
}

// failure reads what OSRM says itself; the rest has been read.
func failure(err error) error {
	said, ok := errors.AsType[*osrmhttp.Error](err)
	if !ok {
		return err
	}
	switch said.Code {
	case "NoRoute", "NoSegment":
		return question.NoRoute("%w", said)
	case "InvalidUrl", "InvalidService", "InvalidVersion", "InvalidOptions", "InvalidQuery", "InvalidValue", "TooBig":
		// Where the order was wrong it has been refused before.
		return agent.Unavailable("bad_request", said)
	default:
		return question.Garbage(said)
	}
}
