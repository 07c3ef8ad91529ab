package trip_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/route/geo"
	"github.com/unwind-saga/unwind/services/route/trip"
)

var (
	vaduz  = geo.Point{Lat: 47.1392862, Lon: 9.5227962}
	schaan = geo.Point{Lat: 47.1663397, Lon: 9.510312} // 3153 m away
	ten    = time.Date(2030, 1, 1, 10, 0, 0, 0, time.UTC)
	order  = trip.Order{From: vaduz, To: schaan, Depart: ten, Due: ten.Add(time.Hour)}
)

// schemaOf reads a schema as an agent's file does.
func schemaOf(t *testing.T, key, file string) *config.Schema {
	t.Helper()
	cfg, err := config.Parse("agent.yaml", []byte("agent: a\nsaga: s\n"+key+": "+file+"\n"), os.LookupEnv)
	require.NoError(t, err)
	if key == "task_schema" {
		return cfg.TaskSchema
	}
	return cfg.ResultSchema
}

func TestRead(t *testing.T) {
	schema := schemaOf(t, "task_schema", "order.schema.json")
	for name, tc := range map[string]struct {
		change func(*trip.Order)
		says   string
		schema bool // whether the schema lets it pass
	}{
		"a good one":      {func(*trip.Order) {}, "", true},
		"no such place":   {func(o *trip.Order) { o.From.Lat = 90.5 }, "from: latitude 90.5", false},
		"nor there":       {func(o *trip.Order) { o.To.Lon = -181 }, "to: longitude -181", false},
		"not filled in":   {func(o *trip.Order) { o.To = geo.Point{} }, "to: 0,0 is where", true},
		"due before":      {func(o *trip.Order) { o.Due = o.Depart }, "before it departs", true},
		"no due":          {func(o *trip.Order) { o.Due = time.Time{} }, "both needed", true},
		"for two days":    {func(o *trip.Order) { o.Due = o.Depart.Add(48 * time.Hour) }, "24h0m0s is the longest", true},
		"for a whole day": {func(o *trip.Order) { o.Due = o.Depart.Add(24 * time.Hour) }, "", true},
	} {
		o := order
		tc.change(&o)
		payload, err := json.Marshal(o)
		require.NoError(t, err)
		got, err := trip.Read(payload)
		if tc.says == "" {
			require.NoError(t, err, name)
			assert.Equal(t, o, got, name)
		} else {
			require.ErrorContains(t, err, tc.says, name)
		}
		assert.Equal(t, tc.schema, schema.Validate(payload) == nil, "%s: the schema", name)
	}
	for _, payload := range []string{"", "{", `{"from": "Vaduz"}`, `{"depart": "tomorrow"}`} {
		_, err := trip.Read([]byte(payload))
		require.ErrorContains(t, err, "read the order", payload)
	}
}

func TestCheck(t *testing.T) {
	near := geo.Point{Lat: vaduz.Lat + 0.008, Lon: vaduz.Lon}  // 890 m
	away := geo.Point{Lat: vaduz.Lat + 0.0092, Lon: vaduz.Lon} // 1023 m
	for name, tc := range map[string]struct {
		metres, seconds int
		start, end      geo.Point
		says            string
	}{
		"a good one":               {3516, 266, vaduz, schaan, ""},
		"from a road nearby":       {3516, 266, near, schaan, ""},
		"from somewhere else":      {3516, 266, away, schaan, "starts 1023 m"},
		"to somewhere else":        {3516, 266, vaduz, vaduz, "ends 3153 m"},
		"from nowhere":             {3516, 266, geo.Point{Lat: math.NaN()}, schaan, "starts NaN"},
		"a straight road":          {3153, 266, vaduz, schaan, ""},
		"the sphere is not round":  {3130, 266, vaduz, schaan, ""},
		"a shortcut":               {3100, 266, vaduz, schaan, "less than the great circle of 3153 m"},
		"nothing":                  {0, 0, vaduz, schaan, "less than"},
		"backwards":                {-3516, 266, vaduz, schaan, "less than"},
		"a long way round":         {36000, 2000, vaduz, schaan, ""},
		"too long a way":           {37000, 2000, vaduz, schaan, "too many"},
		"in no time":               {3516, 0, vaduz, schaan, "in 0 s"},
		"in less":                  {3516, -1, vaduz, schaan, "in -1 s"},
		"at the speed of a rocket": {3516, 60, vaduz, schaan, "211 km/h"},
		"at that of a snail":       {3516, 7200, vaduz, schaan, "2 km/h"},
		"to the same place":        {0, 0, vaduz, vaduz, "ends"},
	} {
		err := trip.Directions{Metres: tc.metres, Seconds: tc.seconds}.Check(order, tc.start, tc.end)
		if tc.says == "" {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, tc.says, name)
		}
	}
	here := order
	here.To = here.From
	assert.NoError(t, trip.Directions{}.Check(here, vaduz, vaduz), "there already")
}

// The schema lets a machine's answer pass, and the least that a person can say.
func TestSchema(t *testing.T) {
	schema := schemaOf(t, "result_schema", "directions.schema.json")
	full, err := json.Marshal(trip.Directions{
		Metres: 3516, Seconds: 266, Polyline: "_p~iF", By: "x", Quality: trip.Estimate,
		Bounds: &trip.Bounds{Metres: [2]int{1, 2}, Seconds: [2]int{3, 4}}, Attribution: "me",
	})
	require.NoError(t, err)
	for data, ok := range map[string]bool{
		string(full): true,
		`{"distance_m": 3500, "duration_s": 600, "by": "Ida", "quality": "person"}`:                      true,
		`{"distance_m": 3500, "duration_s": 600, "by": "Ida", "quality": "person", "polyline": "_p~iF"}`: true,
		`{"distance_m": 3500, "duration_s": 600, "by": "", "quality": "person"}`:                         false,
		`{"distance_m": 3500, "duration_s": 600, "by": "x", "quality": "excellent"}`:                     false,
		`{"distance_m": 3500, "duration_s": 600, "by": "x", "quality": "estimate"}`:                      false,
		`{"distance_m": -1, "duration_s": 600, "by": "x", "quality": "roads"}`:                           false,
		`{"distance_m": 3500.5, "duration_s": 600, "by": "x", "quality": "roads"}`:                       false,
		`{"distance_m": "3.5 km", "duration_s": 600, "by": "x", "quality": "roads"}`:                     false,
		`{"distance_m": 3500, "by": "x", "quality": "roads"}`:                                            false,
		`{"distance_m": 3e9, "duration_s": 600, "by": "x", "quality": "roads"}`:                          false,
		`{}`: false, `"3500 m"`: false,
	} {
		assert.Equal(t, ok, schema.Validate([]byte(data)) == nil, data)
	}
	assert.Equal(t, "_p~iF", trip.Line("_p~iF"))
	assert.Empty(t, trip.Line(strings.Repeat("_", trip.MostPolyline+1)), "too long for a message")
}
