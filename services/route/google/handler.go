package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"googlemaps.github.io/maps"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/route"
	"github.com/unwind-saga/unwind/services/route/geo"
	"github.com/unwind-saga/unwind/services/route/question"
	"github.com/unwind-saga/unwind/services/route/trip"
)

type settings struct {
	Address  string        `yaml:"address"`
	Key      string        `yaml:"key"`
	Patience time.Duration `yaml:"patience"`
	Longest  time.Duration `yaml:"longest_wait"`
}

type directory struct {
	settings
	client *maps.Client
}

func open(o route.Office) (agent.Handler, error) {
	var s settings
	if err := o.Config.Settings(&s); err != nil {
		return agent.Handler{}, err
	}
	if u, err := url.Parse(s.Address); err != nil || u.Host == "" {
		return agent.Handler{}, fmt.Errorf("the address %q is none: want https://maps.googleapis.com", s.Address)
	}
	client, err := maps.NewClient(
		maps.WithAPIKey(s.Key), maps.WithBaseURL(strings.TrimSuffix(s.Address, "/")),
		maps.WithHTTPClient(question.Client(s.Patience)),
		maps.WithRateLimit(0), // the service says it when we are too fast, and a saga can wait
	)
	if err != nil {
		return agent.Handler{}, fmt.Errorf("make the client of Google Maps: %w", err)
	}
	return agent.Handler{Perform: directory{s, client}.look}, nil
}

func (d directory) look(ctx context.Context, t agent.Task) (agent.Result, error) {
	o, err := trip.Read(t.Payload)
	if err != nil {
		return agent.Result{}, agent.Refuse("bad_order", "%w", err)
	}
	r := &maps.DirectionsRequest{Origin: place(o.From), Destination: place(o.To), Mode: maps.TravelModeDriving}
	if o.Depart.After(time.Now()) {
		// There is no traffic of the past, and who asks for it gets no answer.
		r.DepartureTime = strconv.FormatInt(o.Depart.Unix(), 10)
	}
	routes, _, err := d.client.Directions(ctx, r)
	if err != nil {
		return agent.Result{}, fmt.Errorf("ask Google Maps: %w", question.Within(d.Longest, failure(err)))
	}
	if len(routes) == 0 { // the client gives ZERO_RESULTS so
		return agent.Result{}, question.NoRoute("Google Maps knows of no route")
	}
	found, err := read(routes[0])
	if err != nil {
		return agent.Result{}, question.Garbage(err)
	}
	found.By = t.Agent
	leg := routes[0].Legs[0]
	if err := found.Check(o, point(leg.StartLocation), point(leg.EndLocation)); err != nil {
		return agent.Result{}, question.Implausible(err)
	}
	return agent.Result{Data: found}, nil
}

// read takes from a route what we want to know.
func read(r maps.Route) (trip.Directions, error) {
	if len(r.Legs) != 1 || r.Legs[0] == nil {
		return trip.Directions{}, fmt.Errorf("a route of %d legs between two places", len(r.Legs))
	}
	leg := r.Legs[0]
	d := trip.Directions{
		Metres: leg.Meters, Seconds: seconds(leg.Duration), Quality: trip.Roads,
		Polyline: trip.Line(r.OverviewPolyline.Points), Attribution: r.Copyrights,
	}
	if leg.DurationInTraffic > 0 {
		d.Seconds, d.Quality = seconds(leg.DurationInTraffic), trip.Traffic
	}
	return d, nil
}

// A pause of two seconds is what the API's documentation wants of who is over
// its limit; whoever still is after it is over the limit of the day.
const pause = 2 * time.Second

// failure reads an error of the client, which tells a status only in words:
// "maps: REQUEST_DENIED - The provided API key is expired."
func failure(err error) error {
	status, message, said := strings.Cut(strings.TrimPrefix(err.Error(), "maps: "), " - ")
	if !said || strings.ToUpper(status) != status || strings.Contains(status, " ") {
		return question.Failure(err)
	}
	err = fmt.Errorf("it says %s: %s", status, message)
	switch status {
	case "OVER_QUERY_LIMIT":
		return question.Throttled(pause, err)
	case "REQUEST_DENIED", "OVER_DAILY_LIMIT":
		return agent.Unavailable("denied", err)
	case "NOT_FOUND", "MAX_ROUTE_LENGTH_EXCEEDED":
		return question.NoRoute("%w", err)
	case "INVALID_REQUEST", "MAX_WAYPOINTS_EXCEEDED":
		// Where the order was wrong it has been refused before.
		return agent.Unavailable("bad_request", err)
	case "UNKNOWN_ERROR":
		return &agent.Failure{Class: events.Transient, Code: "unknown_error", Err: err}
	default:
		return question.Garbage(errors.New("its status is " + strconv.Quote(status)))
	}
}

func place(p geo.Point) string { return fmt.Sprintf("%.6f,%.6f", p.Lat, p.Lon) }

func point(l maps.LatLng) geo.Point { return geo.Point{Lat: l.Lat, Lon: l.Lng} }

func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
