package events

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Duration is written as seconds with up to nine digits after the point and
// an s: "1.25s". That is the form of a duration in the JSON of Protocol
// Buffers, so that every language reads it without a parser of its own. None
// is below zero: an event can't ask for what was before it.
type Duration time.Duration

// MarshalJSON implements [json.Marshaler].
func (d Duration) MarshalJSON() ([]byte, error) {
	if d < 0 {
		return nil, fmt.Errorf("duration %v is below zero", time.Duration(d))
	}
	// Not by way of a float: it has no nanoseconds left after 104 days.
	text := strconv.FormatInt(int64(d)/1e9, 10)
	if nanos := int64(d) % 1e9; nanos > 0 {
		text += strings.TrimRight(fmt.Sprintf(".%09d", nanos), "0")
	}
	return []byte(`"` + text + `s"`), nil
}

// UnmarshalJSON implements [json.Unmarshaler]. As everywhere in JSON, null
// changes nothing.
func (d *Duration) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("duration %s: want a string such as \"1.25s\"", b)
	}
	digits, ok := strings.CutSuffix(s, "s")
	if !ok || strings.Trim(digits, "0123456789.") != "" {
		return fmt.Errorf("duration %q: want seconds such as \"1.25s\"", s)
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("duration %q: want seconds such as \"1.25s\"", s)
	}
	*d = Duration(v)
	return nil
}
