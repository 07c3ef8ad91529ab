package providers

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"googlemaps.github.io/maps"

	"github.com/unwind-saga/unwind/services/route/geo"
	"github.com/unwind-saga/unwind/services/route/roads"
)

// Google answers GET /maps/api/directions/json to who has the key.
func Google(g *roads.Graph, key string) *Server {
	d := directory{g, key}
	return &Server{faults: faults{set: Fault{Mode: Sound}}, answer: d.answer}
}

// near is how far from a road a place may be, in metres.
const near = 1000

type directory struct {
	graph *roads.Graph
	key   string
}

// The answer, as the API has it. The client's own types are for reading: they
// lose what they don't know, and write what was never there.
type (
	directions struct {
		Waypoints []waypoint `json:"geocoded_waypoints,omitempty"`
		Routes    []gRoute   `json:"routes"`
		Status    string     `json:"status"`
		Message   string     `json:"error_message,omitempty"`
	}
	waypoint struct {
		Status  string   `json:"geocoder_status"`
		PlaceID string   `json:"place_id"`
		Types   []string `json:"types"`
	}
	gRoute struct {
		Bounds        bounds   `json:"bounds"`
		Copyrights    string   `json:"copyrights"`
		Legs          []gLeg   `json:"legs"`
		Overview      line     `json:"overview_polyline"`
		Summary       string   `json:"summary"`
		Warnings      []string `json:"warnings"`
		WaypointOrder []int    `json:"waypoint_order"`
	}
	gLeg struct {
		Distance  value  `json:"distance"`
		Duration  value  `json:"duration"`
		InTraffic *value `json:"duration_in_traffic,omitempty"`
		End       string `json:"end_address"`
		EndAt     latLng `json:"end_location"`
		Start     string `json:"start_address"`
		StartAt   latLng `json:"start_location"`
		Steps     []step `json:"steps"`
		Speeds    []int  `json:"traffic_speed_entry"`
		Via       []int  `json:"via_waypoint"`
	}
	step struct {
		Distance value  `json:"distance"`
		Duration value  `json:"duration"`
		EndAt    latLng `json:"end_location"`
		Text     string `json:"html_instructions"`
		Line     line   `json:"polyline"`
		StartAt  latLng `json:"start_location"`
		Mode     string `json:"travel_mode"`
	}
	value struct {
		Text  string `json:"text"`
		Value int    `json:"value"`
	}
	line struct {
		Points string `json:"points"`
	}
	latLng struct {
		Lat float64 `json:"lat"`
		Lng float64 `json:"lng"`
	}
	bounds struct {
		Northeast latLng `json:"northeast"`
		Southwest latLng `json:"southwest"`
	}
)

func failed(status, message string) directions {
	return directions{Routes: []gRoute{}, Status: status, Message: message}
}

func (d directory) answer(r *http.Request, f Fault) (int, any) {
	q := r.URL.Query()
	switch {
	case r.URL.Path != "/maps/api/directions/json":
		return http.StatusNotFound, failed("NOT_FOUND", "")
	case f.Mode == Throttle && f.RetryAfter > 0:
		return http.StatusTooManyRequests, failed("OVER_QUERY_LIMIT", "You have exceeded your rate-limit for this API.")
	case f.Mode == Throttle:
		return http.StatusOK, failed("OVER_QUERY_LIMIT", "You have exceeded your rate-limit for this API.")
	case f.Mode == Expired:
		return http.StatusOK, failed("REQUEST_DENIED", "The provided API key is expired.")
	case q.Get("key") == "":
		return http.StatusOK, failed("REQUEST_DENIED", "You must use an API key to authenticate each request to Google Maps Platform APIs.")
	case q.Get("key") != d.key:
		return http.StatusOK, failed("REQUEST_DENIED", "The provided API key is invalid.")
	case f.Mode == Wrong:
		return http.StatusOK, map[string]any{"status": "OK", "routes": []any{map[string]any{
			"legs": []any{map[string]any{"distance": "3.5 km", "duration": []int{266}}},
		}}}
	case f.Mode == Lost:
		return http.StatusOK, failed("ZERO_RESULTS", "")
	}
	return http.StatusOK, d.directions(q, f)
}

func (d directory) directions(q url.Values, f Fault) directions {
	for _, required := range []string{"origin", "destination"} {
		if q.Get(required) == "" {
			return failed("INVALID_REQUEST", "Invalid request. Missing the '"+required+"' parameter.")
		}
	}
	if mode := cmp.Or(q.Get("mode"), "driving"); mode != "driving" {
		return failed("ZERO_RESULTS", "")
	}
	departs, ok := departure(q.Get("departure_time"))
	if !ok {
		return failed("INVALID_REQUEST", "Invalid request. Invalid 'departure_time' parameter: it must be now, or in the future.")
	}
	from, ok := located(q.Get("origin"))
	to, ok2 := located(q.Get("destination"))
	if !ok || !ok2 {
		return failed("NOT_FOUND", "")
	}
	if f.Mode == Elsewhere {
		from, to = geo.Point{Lat: 47.0666667, Lon: 9.5}, geo.Point{Lat: 47.2397558, Lon: 9.5262874} // Balzers to Ruggell
	}
	start, end := d.graph.Nearest(from), d.graph.Nearest(to)
	if start.Off > near || end.Off > near {
		return failed("ZERO_RESULTS", "")
	}
	found, err := d.graph.Route(start, end)
	if err != nil {
		return failed("ZERO_RESULTS", "")
	}
	if f.Mode == Absurd {
		found.Metres /= 100
	}
	return directions{
		Waypoints: []waypoint{
			{"OK", "unwind-" + start.String(), []string{"street_address"}},
			{"OK", "unwind-" + end.String(), []string{"street_address"}},
		},
		Routes: []gRoute{route(start, end, found, departs)}, Status: "OK",
	}
}

func route(start, end roads.Place, found roads.Route, departs time.Time) gRoute {
	leg := gLeg{
		Distance: distance(found.Metres), Duration: duration(found.Seconds),
		Start: start.Road, StartAt: at(start.Point), End: end.Road, EndAt: at(end.Point),
		Speeds: []int{}, Via: []int{},
	}
	if !departs.IsZero() {
		v := duration(found.Seconds * traffic(departs))
		leg.InTraffic = &v
	}
	var longest roads.Part
	for i, p := range found.Parts {
		text := "Continue onto <b>" + p.Road + "</b>"
		if i == 0 {
			text = "Head onto <b>" + p.Road + "</b>"
		}
		leg.Steps = append(leg.Steps, step{
			Distance: distance(p.Metres), Duration: duration(p.Seconds), Text: text, Line: line{polyline(p.Path)},
			StartAt: at(p.Path[0]), EndAt: at(p.Path[len(p.Path)-1]), Mode: "DRIVING",
		})
		if p.Metres > longest.Metres {
			longest = p
		}
	}
	path := found.Path()
	return gRoute{
		Bounds: around(path), Copyrights: "Map data " + roads.Attribution, Legs: []gLeg{leg},
		Overview: line{polyline(path)}, Summary: longest.Road, Warnings: []string{}, WaypointOrder: []int{},
	}
}

// departure reads when it is; the zero time if that was not said. A client's
// clock may be a little behind ours.
func departure(text string) (time.Time, bool) {
	if text == "" {
		return time.Time{}, true
	}
	if text == "now" {
		return time.Now(), true
	}
	unix, err := strconv.ParseInt(text, 10, 64)
	t := time.Unix(unix, 0)
	return t, err == nil && time.Since(t) < time.Minute
}

// traffic is how much longer a drive takes.
func traffic(departs time.Time) float64 {
	switch h := departs.UTC().Hour(); {
	case h >= 7 && h < 9, h >= 17 && h < 19:
		return 1.35
	case h >= 6 && h < 22:
		return 1.1
	default:
		return 1
	}
}

func located(text string) (geo.Point, bool) {
	lat, lng, ok := pair(text)
	p := geo.Point{Lat: lat, Lon: lng}
	return p, ok && math.Abs(lat) <= 90 && math.Abs(lng) <= 180
}

func at(p geo.Point) latLng {
	return latLng{math.Round(p.Lat*1e7) / 1e7, math.Round(p.Lon*1e7) / 1e7}
}

func distance(metres float64) value {
	text := fmt.Sprintf("%.0f m", metres)
	if metres >= 1000 {
		text = fmt.Sprintf("%.1f km", metres/1000)
	}
	return value{text, int(math.Round(metres))}
}

func duration(seconds float64) value {
	minutes := max(1, int(math.Round(seconds/60)))
	text := strings.TrimSuffix(fmt.Sprintf("%d mins", minutes), "s")
	if minutes > 1 {
		text += "s"
	}
	return value{text, int(math.Round(seconds))}
}

func around(path []geo.Point) bounds {
	b := bounds{at(path[0]), at(path[0])}
	for _, p := range path {
		l := at(p)
		b.Northeast = latLng{max(b.Northeast.Lat, l.Lat), max(b.Northeast.Lng, l.Lng)}
		b.Southwest = latLng{min(b.Southwest.Lat, l.Lat), min(b.Southwest.Lng, l.Lng)}
	}
	return b
}

// polyline encodes a path in Google's format. The client's Encode cuts decimals
// off instead of rounding, so it is given a little more than the rounded ones.
func polyline(path []geo.Point) string {
	points := make([]maps.LatLng, len(path))
	for i, p := range path {
		points[i] = maps.LatLng{Lat: rounded(p.Lat), Lng: rounded(p.Lon)}
	}
	return maps.Encode(points)
}

func rounded(degrees float64) float64 {
	r := math.Round(degrees * 1e5)
	return (r + math.Copysign(0.1, r)) / 1e5
}
