package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/unwind-saga/unwind/events"
)

// A Site is the server that we are connected to, and our account there.
type Site struct {
	Server  string        `json:"server"` // its name
	Version string        `json:"version"`
	Cluster string        `json:"cluster,omitempty"`
	URL     string        `json:"url"`
	RTT     time.Duration `json:"rtt"`
	TLS     bool          `json:"tls"`

	Stored uint64 `json:"stored"`          // bytes on disk, of this account
	Limit  int64  `json:"limit,omitempty"` // of Stored; 0 where there is none
}

// Site tells where we are.
func (l *Log) Site(ctx context.Context) (Site, error) {
	s := Site{
		Server: l.nc.ConnectedServerName(), Version: l.nc.ConnectedServerVersion(),
		Cluster: l.nc.ConnectedClusterName(), URL: l.nc.ConnectedUrlRedacted(),
	}
	_, err := l.nc.TLSConnectionState()
	s.TLS = err == nil
	if s.RTT, err = l.nc.RTT(); err != nil {
		return s, fmt.Errorf("ask the broker at %s: %w", s.URL, err)
	}
	var account jetstream.AccountInfo
	if err := l.ask(ctx, "INFO", nil, &account); err != nil {
		return s, fmt.Errorf("ask JetStream at %s: %w", s.URL, explain(err))
	}
	s.Stored, s.Limit = account.Store, max(account.Limits.MaxStore, 0)
	return s, nil
}

// A Stream is what there is of one stream that sagas need.
type Stream struct {
	Name     string        `json:"stream"`
	Messages uint64        `json:"messages"`
	Bytes    uint64        `json:"bytes"`
	Replicas int           `json:"replicas"`
	Leader   string        `json:"leader,omitempty"` // on a cluster
	Behind   []string      `json:"behind,omitempty"` // replicas that are offline, or not up to date
	Skew     time.Duration `json:"skew"`             // how far the broker's clock is ahead of ours
	Broken   error         `json:"-"`                // the promises that it breaks; nil: none
}

// Streams looks at the streams of a saga type, and at that of the timers, and
// changes none. One that is missing is left out.
func (l *Log) Streams(ctx context.Context, typ string) ([]Stream, error) {
	if err := events.ValidName("saga type", typ); err != nil {
		return nil, err
	}
	var all []Stream
	for _, want := range []jetstream.StreamConfig{wantSagas(typ, l.replicas), wantObjects(typ, l.replicas), wantTimers(l.replicas)} {
		asked := time.Now()
		info, err := l.stream(ctx, want.Name, nil)
		if code(err) == codeNoStream {
			continue
		}
		if err != nil {
			return all, fmt.Errorf("ask for stream %s: %w", want.Name, explain(err))
		}
		heard := time.Now()
		s := Stream{
			Name: want.Name, Messages: info.State.Msgs, Bytes: info.State.Bytes, Replicas: info.Config.Replicas,
			Skew:   info.TimeStamp.Sub(asked.Add(heard.Sub(asked) / 2)),
			Broken: verify(info.Config, want, l.replicas),
		}
		if info.Cluster != nil {
			s.Leader = info.Cluster.Leader
			for _, r := range info.Cluster.Replicas {
				if r.Offline || !r.Current {
					s.Behind = append(s.Behind, r.Name)
				}
			}
		}
		all = append(all, s)
	}
	return all, nil
}

// A Sync is how long a server may take until what it acknowledged is on its disk.
type Sync struct {
	Server string        `json:"server"`
	Always bool          `json:"always"` // before it acknowledges
	Every  time.Duration `json:"every"`
}

// ErrUnknown says that nobody who may be asked knows.
var ErrUnknown = errors.New("not known")

// Syncs asks the servers how they keep what they acknowledge. That is told to the
// system account, and at a server's monitoring port: its address, such as
// http://127.0.0.1:8222, or empty. Where neither answers, it is [ErrUnknown].
func (l *Log) Syncs(ctx context.Context, monitor string) ([]Sync, error) {
	if monitor != "" {
		s, err := syncAt(ctx, monitor)
		return []Sync{s}, err
	}
	inbox := l.nc.NewRespInbox()
	sub, err := l.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := l.nc.PublishRequest("$SYS.REQ.SERVER.PING.JSZ", inbox, []byte(`{"config":true}`)); err != nil {
		return nil, err
	}
	var all []Sync
	for wait := time.Second; ; wait = 200 * time.Millisecond {
		ctx, cancel := context.WithTimeout(ctx, wait)
		m, err := sub.NextMsgWithContext(ctx)
		cancel()
		var answer struct {
			Server struct {
				Name string `json:"name"`
			} `json:"server"`
			Data jsz `json:"data"`
		}
		switch {
		case err != nil && len(all) > 0:
			return all, nil
		case err != nil, m.Header.Get("Status") != "":
			return nil, fmt.Errorf("%w: this user is not of the system account", ErrUnknown)
		case json.Unmarshal(m.Data, &answer) == nil:
			all = append(all, answer.Data.sync(answer.Server.Name))
		}
	}
}

// jsz is the part of a server's account of its JetStream that tells how it is set.
type jsz struct {
	Config struct {
		Interval time.Duration `json:"sync_interval"`
		Always   bool          `json:"sync_always"`
	} `json:"config"`
}

func (j jsz) sync(server string) Sync {
	return Sync{Server: server, Always: j.Config.Always, Every: j.Config.Interval}
}

func syncAt(ctx context.Context, monitor string) (Sync, error) {
	fail := func(err error) (Sync, error) {
		return Sync{}, fmt.Errorf("ask the monitoring port at %s: %w\nhint: it is the one of `http_port` in the server's configuration", monitor, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(monitor, "/")+"/jsz?config=true", nil)
	if err != nil {
		return fail(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return fail(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fail(errors.New(res.Status))
	}
	var answer jsz
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return fail(err)
	}
	return answer.sync("the server"), nil
}

// May reports whether we may write the events of a saga type, without writing any: a
// write that expects a sequence that cannot be is refused by the stream, and one that
// is not permitted by the server before it.
func (l *Log) May(ctx context.Context, typ string) error {
	m := nats.NewMsg(events.TaskSubject(typ, "doctor").String())
	m.Header.Set("Nats-Expected-Last-Subject-Sequence", "9007199254740991") // no subject has come so far
	_, err := l.request(ctx, m)
	return err
}
