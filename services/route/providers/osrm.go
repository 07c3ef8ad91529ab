package providers

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/unwind-saga/unwind/services/route/geo"
	"github.com/unwind-saga/unwind/services/route/roads"
)

// OSRM answers GET /route/v1/{profile}/{lon},{lat};{lon},{lat}, for any profile,
// as a server does that was given one map.
func OSRM(g *roads.Graph) *Server {
	a := atlas{g}
	return &Server{faults: faults{set: Fault{Mode: Sound}}, answer: a.answer}
}

type atlas struct{ graph *roads.Graph }

type (
	oAnswer struct {
		Code      string      `json:"code"`
		Message   string      `json:"message,omitempty"`
		Routes    []oRoute    `json:"routes,omitempty"`
		Waypoints []oWaypoint `json:"waypoints,omitempty"`
	}
	oRoute struct {
		Geometry   any     `json:"geometry,omitempty"`
		Legs       []oLeg  `json:"legs"`
		Distance   float64 `json:"distance"`
		Duration   float64 `json:"duration"`
		WeightName string  `json:"weight_name"`
		Weight     float64 `json:"weight"`
	}
	oLeg struct {
		Steps    []any   `json:"steps"`
		Distance float64 `json:"distance"`
		Duration float64 `json:"duration"`
		Summary  string  `json:"summary"`
		Weight   float64 `json:"weight"`
	}
	oWaypoint struct {
		Hint     string     `json:"hint"`
		Distance float64    `json:"distance"`
		Name     string     `json:"name"`
		Location [2]float64 `json:"location"`
	}
	lineString struct {
		Type        string       `json:"type"`
		Coordinates [][2]float64 `json:"coordinates"`
	}
)

func no(code, format string, args ...any) (int, any) {
	return http.StatusBadRequest, oAnswer{Code: code, Message: fmt.Sprintf(format, args...)}
}

func (a atlas) answer(r *http.Request, f Fault) (int, any) {
	switch f.Mode {
	case Expired:
		return http.StatusForbidden, map[string]string{"message": "Forbidden"}
	case Throttle:
		return http.StatusTooManyRequests, map[string]string{"message": "Too Many Requests"}
	case Wrong:
		return http.StatusOK, map[string]any{"code": "Ok", "routes": []any{map[string]any{"distance": "3.5 km", "duration": true}}}
	case Lost:
		return no("NoRoute", "Impossible route between points")
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) != 4:
		return no("InvalidUrl", "URL string malformed close to position %d: %q", len(r.URL.Path), r.URL.Path)
	case parts[0] != "route":
		return no("InvalidService", "Service %s not found!", parts[0])
	case parts[1] != "v1":
		return no("InvalidVersion", "Service %s not found!", parts[1])
	}
	points, ok := coordinates(strings.TrimSuffix(parts[3], ".json"))
	if !ok {
		return no("InvalidQuery", "Query string malformed close to position %d", len(r.URL.Path)-len(parts[3]))
	}
	// OSRM's lists have semicolons, which Go takes for a mistake.
	q, err := url.ParseQuery(strings.ReplaceAll(r.URL.RawQuery, ";", "%3B"))
	if err != nil {
		return no("InvalidQuery", "Query string malformed close to position %d", len(r.URL.Path))
	}
	return a.route(points, q, f)
}

func coordinates(text string) (points []geo.Point, ok bool) {
	for c := range strings.SplitSeq(text, ";") {
		lon, lat, ok := pair(c)
		if !ok {
			return nil, false
		}
		points = append(points, geo.Point{Lat: lat, Lon: lon})
	}
	return points, true
}

// options are the parameters that are known, and the values that are.
var options = map[string][]string{
	"alternatives": {"true", "false"}, "steps": {"false"}, "annotations": {"false"}, "generate_hints": {"true", "false"},
	"geometries": {"polyline", "geojson"}, "overview": {"simplified", "full", "false"}, "continue_straight": {"default", "true", "false"},
	"radiuses": nil,
}

func known(q url.Values) bool {
	for name := range q {
		values, ok := options[name]
		if !ok {
			return false
		}
		if len(values) > 0 && !strings.Contains(" "+strings.Join(values, " ")+" ", " "+q.Get(name)+" ") {
			return false
		}
	}
	return true
}

func (a atlas) route(points []geo.Point, q url.Values, f Fault) (int, any) {
	switch {
	case !known(q):
		return no("InvalidQuery", "Query string malformed close to position 0: %s", q.Encode())
	case len(points) < 2:
		return no("InvalidOptions", "Number of coordinates needs to be at least two.")
	case len(points) > 2:
		return no("TooBig", "Number of entries %d is higher than current maximum (2)", len(points))
	}
	radiuses, ok := radiuses(q.Get("radiuses"), len(points))
	if !ok {
		return no("InvalidOptions", "Number of elements in radiuses size %d does not match coordinate size %d", len(radiuses), len(points))
	}
	if f.Mode == Elsewhere {
		points = []geo.Point{{Lat: 47.0666667, Lon: 9.5}, {Lat: 47.2397558, Lon: 9.5262874}} // Balzers to Ruggell
	}
	var places [2]roads.Place
	for i, p := range points {
		if math.Abs(p.Lat) > 90 || math.Abs(p.Lon) > 180 {
			return no("InvalidValue", "Invalid coordinate value.")
		}
		places[i] = a.graph.Nearest(p)
		if places[i].Off > radiuses[i] {
			return no("NoSegment", "Could not find a matching segment for coordinate %d", i)
		}
	}
	found, err := a.graph.Route(places[0], places[1])
	if err != nil {
		return no("NoRoute", "Impossible route between points")
	}
	if f.Mode == Absurd {
		found.Metres /= 100
	}
	return http.StatusOK, said(places, found, q)
}

func said(places [2]roads.Place, found roads.Route, q url.Values) oAnswer {
	metres, seconds := tenth(found.Metres), tenth(found.Seconds)
	r := oRoute{
		Legs:     []oLeg{{Steps: []any{}, Distance: metres, Duration: seconds, Weight: seconds}},
		Distance: metres, Duration: seconds, WeightName: "routability", Weight: seconds,
	}
	if cmp.Or(q.Get("overview"), "simplified") != "false" {
		r.Geometry = geometry(found.Path(), q.Get("geometries"))
	}
	answer := oAnswer{Code: "Ok", Routes: []oRoute{r}}
	for _, p := range places {
		answer.Waypoints = append(answer.Waypoints, oWaypoint{
			Hint:     base64.RawURLEncoding.EncodeToString([]byte(p.String())),
			Distance: p.Off, Name: p.Road, Location: lonLat(p.Point),
		})
	}
	return answer
}

func geometry(path []geo.Point, format string) any {
	if format != "geojson" {
		return polyline(path)
	}
	l := lineString{Type: "LineString"}
	for _, p := range path {
		l.Coordinates = append(l.Coordinates, lonLat(p))
	}
	return l
}

// radiuses reads how far a road may be from each place: any distance, if it is
// not said.
func radiuses(text string, n int) ([]float64, bool) {
	list := make([]float64, n)
	for i := range list {
		list[i] = math.Inf(1)
	}
	if text == "" {
		return list, true
	}
	values := strings.Split(text, ";")
	if len(values) != n {
		return list, false
	}
	for i, v := range values {
		if v == "" || v == "unlimited" {
			continue
		}
		metres, err := strconv.ParseFloat(v, 64)
		if err != nil || metres < 0 {
			return list, false
		}
		list[i] = metres
	}
	return list, true
}

func lonLat(p geo.Point) [2]float64 {
	return [2]float64{math.Round(p.Lon*1e6) / 1e6, math.Round(p.Lat*1e6) / 1e6}
}

func tenth(x float64) float64 { return math.Round(x*10) / 10 }
