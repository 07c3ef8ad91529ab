// Package osrmhttp asks an OSRM server for a drive, by the route service of its
// HTTP API (v1):
//
//	c, err := osrmhttp.New("http://127.0.0.1:5000", osrmhttp.Config{})
//	route, err := c.Route(ctx, from, to)
//
// Its errors are those of package question; what OSRM says itself is an [Error].
// It is deliberately no client for the rest of that API: no tables, no matching,
// no steps, two places and not more.
package osrmhttp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/services/route/geo"
	"github.com/unwind-saga/unwind/services/route/question"
)

// A Config may be left empty.
type Config struct {
	Profile string        // default driving
	Radius  float64       // metres within which a road must be; default: OSRM's, however far
	Timeout time.Duration // of a call; default 5 s
}

// A Client asks one server. It may be used by several goroutines.
type Client struct {
	base string
	c    Config
	http *http.Client
}

// New makes a client of the server at this address.
func New(base string, c Config) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("OSRM's address %q is none: want http://host:port", base)
	}
	c.Profile = cmp.Or(c.Profile, "driving")
	c.Timeout = cmp.Or(c.Timeout, 5*time.Second)
	return &Client{base: strings.TrimSuffix(base, "/"), c: c, http: question.Client(c.Timeout)}, nil
}

// A Route is what OSRM found.
type Route struct {
	Metres   float64
	Seconds  float64
	Polyline string // five decimals
	From, To geo.Point
}

// An Error is OSRM's own word for what is wrong.
type Error struct{ Code, Message string }

func (e *Error) Error() string {
	return "it says " + e.Code + ": " + cmp.Or(e.Message, "(nothing more)")
}

// answer is what is read of one. A pointer is nil where something is missing.
type answer struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Routes  []struct {
		Distance *float64 `json:"distance"`
		Duration *float64 `json:"duration"`
		Geometry string   `json:"geometry"`
	} `json:"routes"`
	Waypoints []struct {
		Location []float64 `json:"location"` // longitude first
	} `json:"waypoints"`
}

// Route asks for the fastest drive.
func (c *Client) Route(ctx context.Context, from, to geo.Point) (Route, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.address(from, to), nil)
	if err != nil {
		return Route{}, fmt.Errorf("ask OSRM: %w", err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return Route{}, question.Failure(err)
	}
	defer func() { _ = res.Body.Close() }()
	var a answer
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		return Route{}, question.Garbage(err)
	}
	if a.Code == "" {
		return Route{}, question.Garbage(errors.New("it has no code"))
	}
	if a.Code != "Ok" {
		return Route{}, &Error{a.Code, a.Message}
	}
	return a.route()
}

func (c *Client) address(from, to geo.Point) string {
	query := url.Values{"overview": {"simplified"}, "geometries": {"polyline"}, "steps": {"false"}}
	if c.c.Radius > 0 {
		query.Set("radiuses", fmt.Sprintf("%g;%g", c.c.Radius, c.c.Radius))
	}
	return fmt.Sprintf("%s/route/v1/%s/%.6f,%.6f;%.6f,%.6f?%s", c.base, url.PathEscape(c.c.Profile),
		from.Lon, from.Lat, to.Lon, to.Lat, query.Encode())
}

func (a answer) route() (Route, error) {
	if len(a.Routes) == 0 || a.Routes[0].Distance == nil || a.Routes[0].Duration == nil {
		return Route{}, question.Garbage(errors.New("it is Ok, and has no route"))
	}
	if len(a.Waypoints) != 2 || len(a.Waypoints[0].Location) != 2 || len(a.Waypoints[1].Location) != 2 {
		return Route{}, question.Garbage(fmt.Errorf("it has no two waypoints"))
	}
	from, to := a.Waypoints[0].Location, a.Waypoints[1].Location
	r := a.Routes[0]
	return Route{
		Metres: *r.Distance, Seconds: *r.Duration, Polyline: r.Geometry,
		From: geo.Point{Lat: from[1], Lon: from[0]}, To: geo.Point{Lat: to[1], Lon: to[0]},
	}, nil
}
