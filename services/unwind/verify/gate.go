package verify

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A gate stands between the agent and the broker. It reads what the agent
// publishes; what the broker says passes as it is.
type gate struct {
	listener net.Listener
	broker   string // host and port

	mu    sync.Mutex
	rules []*rule
	conns map[net.Conn]bool
	all   sync.WaitGroup
}

// A publication is one PUB or HPUB of the client protocol.
type publication struct {
	verb           string
	subject, reply string
	header         int // bytes of the headers, which come first in the payload
	payload        []byte
	to             *side
}

var eventID = regexp.MustCompile(`(?i)\r\nce-id: *([^\r]*)`)

// id is the CloudEvents id of what is published; empty where it has none.
func (p *publication) id() string {
	found := eventID.FindSubmatch(p.payload[:p.header])
	if found == nil {
		return ""
	}
	return string(found[1])
}

// body is the payload without its headers.
func (p *publication) body() []byte { return p.payload[p.header:] }

func (p *publication) wire() []byte {
	parts := []string{p.verb, p.subject}
	if p.reply != "" {
		parts = append(parts, p.reply)
	}
	if p.verb == "HPUB" {
		parts = append(parts, strconv.Itoa(p.header))
	}
	parts = append(parts, strconv.Itoa(len(p.payload)))
	return slices.Concat([]byte(strings.Join(parts, " ")+"\r\n"), p.payload, []byte("\r\n"))
}

// ack reads the subject of an acknowledgement: of which stream and consumer.
func (p *publication) ack() (stream, consumer string, seq uint64, ok bool) {
	rest, ok := strings.CutPrefix(p.subject, "$JS.ACK.")
	if !ok {
		return "", "", 0, false
	}
	tokens := strings.Split(rest, ".")
	if len(tokens) > 8 {
		tokens = tokens[2:] // with a domain and an account in front
	}
	if len(tokens) < 4 {
		return "", "", 0, false
	}
	seq, err := strconv.ParseUint(tokens[3], 10, 64)
	return tokens[0], tokens[1], seq, err == nil
}

// A rule catches publications. What it caught is held until it is let go or
// lost.
type rule struct {
	gate    *gate
	matches func(*publication) bool
	change  func(*publication) // instead of being held, it is changed and passes
	most    int                // how many are caught; 0: all
	got     []*publication
	first   chan struct{} // closed when one was caught
}

// side is one connection to the broker, written to by several.
type side struct {
	mu sync.Mutex
	net.Conn
}

func (s *side) send(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.Write(b)
	return err
}

func openGate(brokerURL string, port int) (*gate, error) {
	u, err := url.Parse(brokerURL)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("open a door for the agent: %w", err)
	}
	g := &gate{listener: l, broker: u.Host, conns: map[net.Conn]bool{}}
	g.all.Go(g.serve)
	return g, nil
}

// URL is where the agent finds its broker.
func (g *gate) URL() string { return "nats://" + g.listener.Addr().String() }

func (g *gate) close() {
	_ = g.listener.Close()
	g.mu.Lock()
	for c := range g.conns {
		_ = c.Close()
	}
	g.mu.Unlock()
	g.all.Wait()
}

func (g *gate) serve() {
	for {
		c, err := g.listener.Accept()
		if err != nil {
			return
		}
		b, err := net.Dial("tcp", g.broker)
		if err != nil {
			_ = c.Close()
			continue
		}
		g.mu.Lock()
		g.conns[c], g.conns[b] = true, true
		g.mu.Unlock()
		to := &side{Conn: b}
		over := func() {
			_, _ = c.Close(), b.Close()
			g.mu.Lock()
			delete(g.conns, c)
			delete(g.conns, b)
			g.mu.Unlock()
		}
		g.all.Go(func() { defer over(); _, _ = io.Copy(c, b) })
		g.all.Go(func() { defer over(); _ = g.relay(bufio.NewReaderSize(c, 64<<10), to) })
	}
}

// relay passes on what a client says, one operation after the other.
func (g *gate) relay(from *bufio.Reader, to *side) error {
	for {
		line, err := from.ReadBytes('\n')
		if err != nil {
			return err
		}
		p, size, err := parseOp(string(line))
		if err != nil {
			return err
		}
		if p == nil {
			if err := to.send(line); err != nil {
				return err
			}
			continue
		}
		p.payload, p.to = make([]byte, size+2), to
		if _, err := io.ReadFull(from, p.payload); err != nil {
			return err
		}
		p.payload = p.payload[:size]
		if !g.caught(p) {
			if err := to.send(p.wire()); err != nil {
				return err
			}
		}
	}
}

// parseOp reads the first line of an operation; nil if it is no publication.
func parseOp(line string) (p *publication, size int, err error) {
	f := strings.Fields(line)
	if len(f) < 3 || !strings.EqualFold(f[0], "PUB") && !strings.EqualFold(f[0], "HPUB") {
		return nil, 0, nil
	}
	p = &publication{verb: strings.ToUpper(f[0]), subject: f[1]}
	numbers := 1
	if p.verb == "HPUB" {
		numbers = 2
	}
	switch len(f) - 2 - numbers {
	case 0:
	case 1:
		p.reply = f[2]
	default:
		return nil, 0, errors.New("a publication has too many words")
	}
	if size, err = strconv.Atoi(f[len(f)-1]); err != nil {
		return nil, 0, err
	}
	if numbers == 2 {
		if p.header, err = strconv.Atoi(f[len(f)-2]); err != nil {
			return nil, 0, err
		}
	}
	if size < 0 || size > 64<<20 || p.header < 0 || p.header > size {
		return nil, 0, errors.New("a publication has an impossible size")
	}
	return p, size, nil
}

// caught reports whether a rule keeps a publication.
func (g *gate) caught(p *publication) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.rules {
		if r.most > 0 && len(r.got) >= r.most || !r.matches(p) {
			continue
		}
		if r.got = append(r.got, p); len(r.got) == 1 {
			close(r.first)
		}
		if r.change == nil {
			return true
		}
		r.change(p)
		return false
	}
	return false
}

func (g *gate) add(r *rule) *rule {
	r.gate, r.first = g, make(chan struct{})
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rules = append(g.rules, r)
	return r
}

// hold keeps what is published to a subject.
func (g *gate) hold(subject string) *rule {
	return g.add(&rule{matches: func(p *publication) bool { return p.subject == subject }})
}

// refuse turns the next acknowledgement of a consumer into its contrary: the
// message is delivered again at once. With a sequence, only of that message.
func (g *gate) refuse(consumer string, seq uint64) *rule {
	return g.add(&rule{
		most: 1,
		matches: func(p *publication) bool {
			_, name, at, ok := p.ack()
			body := string(p.body())
			return ok && name == consumer && (seq == 0 || seq == at) && (body == "" || strings.HasPrefix(body, "+ACK"))
		},
		change: func(p *publication) { p.verb, p.header, p.payload = "PUB", 0, []byte("-NAK") },
	})
}

// mute loses the signs of life of a consumer's messages, so that their lease
// runs out while somebody works.
func (g *gate) mute(consumer string) *rule {
	return g.add(&rule{matches: func(p *publication) bool {
		_, name, _, ok := p.ack()
		return ok && name == consumer && strings.HasPrefix(string(p.body()), "+WPI")
	}})
}

// wait waits until something was caught.
func (r *rule) wait(ctx context.Context) error {
	select {
	case <-r.first:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end takes the rule away. What it holds is passed on, if it is not lost.
func (r *rule) end(lose bool) {
	r.gate.mu.Lock()
	r.gate.rules = slices.DeleteFunc(r.gate.rules, func(other *rule) bool { return other == r })
	got := r.got
	if r.got = nil; r.change != nil || lose {
		got = nil
	}
	r.gate.mu.Unlock()
	for _, p := range got {
		_ = p.to.send(p.wire()) // whoever is gone by now needs it no more
	}
}

func (r *rule) release() { r.end(false) }
func (r *rule) drop()    { r.end(true) }
