package board

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/unwind-saga/unwind/saga/telemetry"
)

var dotted = regexp.MustCompile(`\b(?:unwind|messaging|error)(?:\.[a-z_]+)+`)

// promql writes a query with the names that Prometheus has for metrics and
// attributes. A name that is not told panics: the query is a part of this program.
func promql(query string) string {
	return dotted.ReplaceAllStringFunc(query, func(name string) string {
		plain, series := name, ""
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			if base, ok := strings.CutSuffix(name, suffix); ok {
				plain, series = base, suffix
			}
		}
		for _, m := range telemetry.Metrics() {
			if m.Name == plain && (series != "") == (m.Kind == telemetry.Histogram) {
				return m.Prometheus() + series
			}
			for _, k := range m.By {
				if string(k) == name {
					return telemetry.Label(k)
				}
			}
		}
		panic(fmt.Sprintf("query %q: nobody tells %s", query, name))
	})
}

// Files are what is made, by the name of the file.
func Files() map[string]func() ([]byte, error) {
	return map[string]func() ([]byte, error){"dashboard.json": Dashboard, "alerts.yaml": Rules}
}
