// The program extract makes the file of roads that package roads carries, out
// of an extract of OpenStreetMap in XML:
//
//	go run ./services/route/roads/extract liechtenstein-2013-08-03.osm.bz2 > services/route/roads/liechtenstein.txt.gz
//
// It keeps what a car may use, by the rules of the car profile of OSRM as far as
// they need nothing but a way's own tags, and drops the rest: turn restrictions,
// barriers, tracks, names of people who drew it. It is here so that it can be
// seen where the file comes from; nothing runs it.
package main

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/unwind-saga/unwind/services/route/roads"
)

const heading = `# Roads of Liechtenstein and along its borders, as they were drawn on 2013-08-03.
# (c) OpenStreetMap contributors, Open Database Licence 1.0, see NOTICE.
# n: latitude and longitude in 1e-7 degrees, as differences to the node before.
# w: class, way of one-way (1, -1, 0), speed limit in km/h (0: none is known), nodes as differences, name.
`

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: extract FILE.osm.bz2 > FILE.txt.gz")
	}
	if err := run(os.Args[1], os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(name string, to io.Writer) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	nodes, ways, err := read(bzip2.NewReader(file))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if err := file.Close(); err != nil {
		return err
	}
	packed, err := gzip.NewWriterLevel(to, gzip.BestCompression)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(packed)
	write(w, nodes, ways)
	return errors.Join(w.Flush(), packed.Close())
}

type place struct {
	ID  int64   `xml:"id,attr"`
	Lat float64 `xml:"lat,attr"`
	Lon float64 `xml:"lon,attr"`
}

type way struct {
	Nodes []struct {
		Ref int64 `xml:"ref,attr"`
	} `xml:"nd"`
	Tags []struct {
		Key   string `xml:"k,attr"`
		Value string `xml:"v,attr"`
	} `xml:"tag"`
}

func (w way) tag(keys ...string) string {
	for _, key := range keys {
		for _, t := range w.Tags {
			if t.Key == key {
				return t.Value
			}
		}
	}
	return ""
}

// read reads all nodes, and the ways that are for cars.
func read(r io.Reader) (map[int64]place, []way, error) {
	nodes := map[int64]place{}
	var ways []way
	for d := xml.NewDecoder(r); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nodes, ways, nil
		}
		if err != nil {
			return nil, nil, err
		}
		start, ok := token.(xml.StartElement)
		switch {
		case ok && start.Name.Local == "node":
			var p place
			if err := d.DecodeElement(&p, &start); err != nil {
				return nil, nil, err
			}
			nodes[p.ID] = p
		case ok && start.Name.Local == "way":
			var w way
			if err := d.DecodeElement(&w, &start); err != nil {
				return nil, nil, err
			}
			if drivable(w) {
				ways = append(ways, w)
			}
		}
	}
}

// closed are the values that keep a car out, whatever the class of the way.
var closed = []string{"no", "agricultural", "forestry", "private", "emergency", "military", "psv", "bus", "foot", "delivery"}

func drivable(w way) bool {
	_, known := roads.Speeds[w.tag("highway")]
	return known && w.tag("area") != "yes" && len(w.Nodes) > 1 &&
		!slices.Contains(closed, w.tag("motorcar", "motor_vehicle", "vehicle", "access"))
}

func write(out *bufio.Writer, nodes map[int64]place, ways []way) {
	_, _ = out.WriteString(heading) // Flush has the error
	number := map[int64]int{}
	lat, lon := 0, 0
	for _, w := range ways {
		for _, n := range w.Nodes {
			if _, ok := number[n.Ref]; ok {
				continue
			}
			number[n.Ref] = len(number)
			p := nodes[n.Ref]
			at, on := units(p.Lat), units(p.Lon)
			_, _ = fmt.Fprintf(out, "n %d %d\n", at-lat, on-lon)
			lat, lon = at, on
		}
	}
	for _, w := range ways {
		refs := make([]string, len(w.Nodes))
		before := 0
		for i, n := range w.Nodes {
			refs[i] = strconv.Itoa(number[n.Ref] - before)
			before = number[n.Ref]
		}
		limit, _ := strconv.Atoi(w.tag("maxspeed")) // anything but a number of km/h is not known
		_, _ = fmt.Fprintf(out, "w %s %d %d %s %s\n", w.tag("highway"), oneway(w), limit, strings.Join(refs, ","), w.tag("name"))
	}
}

func units(degrees float64) int { return int(math.Round(degrees * 1e7)) }

func oneway(w way) int {
	switch v := w.tag("oneway"); {
	case v == "yes", v == "1", v == "true":
		return 1
	case v == "-1":
		return -1
	case v == "" && (w.tag("junction") == "roundabout" || strings.HasPrefix(w.tag("highway"), "motorway")):
		return 1
	default:
		return 0
	}
}
