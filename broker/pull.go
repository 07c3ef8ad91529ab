package broker

import (
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// A pull is a standing request for messages at a consumer of the broker, one
// at a time. Each stands for a short time, and whoever made it knows when it
// must have ended: so one that is lost on the way is missed and made again.
// (The Consume of nats.go asks for longer, and was seen to wait 30 s for
// messages that nobody was asking for any more.)
type pull struct {
	nc     *nats.Conn
	next   string // where the consumer takes requests
	inbox  string
	stands time.Duration

	made int       // requests so far; the last one's token in the inbox
	left int       // how many messages it may still bring
	ends time.Time // when it must have ended

	sub    *nats.Subscription
	msgs   chan *nats.Msg
	stop   chan struct{}
	silent chan struct{} // closed when no message comes any more
	once   sync.Once
}

// grace is how much later than the broker we hold a request to be over.
const grace = 200 * time.Millisecond

func (l *Log) newPull(stream, consumer string) (*pull, error) {
	p := &pull{
		nc: l.nc, next: l.api + "CONSUMER.MSG.NEXT." + stream + "." + consumer,
		inbox: l.nc.NewInbox(), stands: l.pull,
		msgs: make(chan *nats.Msg), stop: make(chan struct{}), silent: make(chan struct{}),
	}
	var err error
	p.sub, err = l.nc.Subscribe(p.inbox+".*", func(m *nats.Msg) {
		select {
		case p.msgs <- m:
		case <-p.stop:
		}
	})
	if err != nil {
		return nil, err
	}
	p.sub.SetClosedHandler(func(string) { p.once.Do(func() { close(p.silent) }) })
	_ = p.sub.SetPendingLimits(-1, -1) // no more comes than was asked for
	return p, nil
}

func (p *pull) token() string { return p.inbox + "." + strconv.Itoa(p.made) }

// ask makes a request for n messages.
func (p *pull) ask(n int) error {
	body, err := json.Marshal(map[string]int64{"batch": int64(n), "expires": int64(p.stands)})
	if err != nil {
		return err
	}
	p.made++
	p.left, p.ends = n, time.Now().Add(p.stands+grace)
	return p.nc.PublishRequest(p.next, p.token(), body)
}

// lost reports whether the request must have ended without a word: the broker
// never heard of it, or we never heard back. It is forgotten then.
func (p *pull) lost() bool {
	if p.left == 0 || time.Now().Before(p.ends) {
		return false
	}
	p.left = 0
	return true
}

// word is what the broker says with a message.
type word int

const (
	delivery word = iota // here is one
	over                 // the request has ended
	short                // it has ended, and not all that it brought has come
	late                 // about a request that is forgotten
	gone                 // nobody serves the consumer: it was removed, or moves
	busy                 // too many ask
)

// hear books a message under the request. A delivery doesn't say which request
// brought it, so one that comes late counts for the next: then one too many
// may come.
func (p *pull) hear(m *nats.Msg) word {
	if m.Reply != "" {
		p.left = max(p.left-1, 0)
		return delivery
	}
	if m.Subject != p.token() {
		return late
	}
	left := strconv.Itoa(p.left)
	p.left = 0
	switch status := m.Header.Get("Status"); {
	case status == "408", status == "404":
		if pending := m.Header.Get("Nats-Pending-Messages"); pending != "" && pending != left {
			return short
		}
		return over
	case status == "409" && m.Header.Get("Description") == "Exceeded MaxWaiting":
		return busy
	default: // 503 nobody responds, 409 consumer deleted, leader changed, server shutdown
		return gone
	}
}

// hush stops the broker from sending; what is on its way still comes, until
// silent is closed.
//
// The subscription is told to end after so many messages as may still come,
// and then as many refusals are ordered for it. (Draining it would do the same,
// but nats.go flushes with a timer from a pool that all connections share, and
// such a timer kills the process in a synctest bubble.)
func (p *pull) hush() {
	bring := p.left + 2 // a status, and one refusal at least
	heard, err := p.sub.Delivered()
	if err == nil && !p.nc.IsConnected() {
		err = nats.ErrDisconnected
	}
	if err == nil {
		err = p.sub.AutoUnsubscribe(int(heard) + bring)
	}
	for range bring {
		if err == nil {
			err = p.nc.PublishRequest(p.next, p.inbox+".end", []byte("{no request}"))
		}
	}
	if err != nil { // there is no connection: nothing comes
		p.once.Do(func() { close(p.silent) })
	}
}

// close gives up what may still come.
func (p *pull) close() {
	close(p.stop)
	_ = p.sub.Unsubscribe()
}
