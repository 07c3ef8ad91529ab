package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/nats-io/nuid"

	"github.com/unwind-saga/unwind/events"
)

// maxPresence bounds what an instance declares: a message has 1 MiB, and
// whoever looks around gets one from each.
const maxPresence = 256 << 10

// serviceName is under which `nats micro ls` shows the instances of an agent.
// No name has an underscore, so no two agents share one.
func serviceName(typ, agent string) string { return "unwind_" + typ + "_" + agent }

// presenceSubject is where one instance of an agent tells what it is, to whoever
// asks without this package: `nats req unwind.agent.kyc.face-matching ”`.
func presenceSubject(typ, agent string) string { return "unwind.agent." + typ + "." + agent }

// Announce implements [events.Directory]: the instance is a service as NATS has
// them (ADR-32), which answers under $SRV, so `nats micro ls` shows it too.
func (l *Log) Announce(ctx context.Context, i events.Instance, vitals func() events.Vitals) error {
	fail := func(err error) error {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("announce instance %q of agent %q: %w", i.Name, i.Agent, err)
	}
	if err := i.Validate(); err != nil {
		return fail(err)
	}
	if len(i.Declared) > maxPresence {
		return fail(fmt.Errorf("what it declares has %d bytes, %d are allowed", len(i.Declared), maxPresence))
	}
	// A refusal comes later, and to the connection.
	here, deny := context.WithCancelCause(ctx)
	defer deny(nil)
	defer l.calls.add(announcing, deny)()
	if err := l.present(here, newService(i, vitals)); err != nil {
		return fail(err)
	}
	return fail(context.Cause(here))
}

// present answers whoever asks for the service, until ctx is done. The types are
// those of package micro; its own service has a goroutine for each of ten
// subscriptions, and ends by a drain that does not work in virtual time.
func (l *Log) present(ctx context.Context, s service) error {
	questions := make(chan *nats.Msg, 256)
	listen := func(sub *nats.Subscription, err error) (func(), error) {
		return func() { _ = sub.Unsubscribe() }, err
	}
	for subject := range s.answers {
		stop, err := listen(l.nc.ChanSubscribe(subject, questions))
		if err != nil {
			return err
		}
		defer stop()
	}
	stop, err := listen(l.nc.ChanQueueSubscribe(s.endpoint.Subject, s.endpoint.QueueGroup, questions))
	if err != nil {
		return err
	}
	defer stop()
	for {
		select {
		case m := <-questions:
			if m.Reply == "" {
				continue
			}
			answer := s.answers[m.Subject]
			if answer == nil {
				answer = s.presence
			}
			if text, err := json.Marshal(answer()); err == nil {
				_ = m.Respond(text)
			}
		case <-ctx.Done():
			return nil
		case <-l.closed:
			return nats.ErrConnectionClosed
		}
	}
}

// A service is an instance as NATS sees it.
type service struct {
	instance events.Instance
	vitals   func() events.Vitals
	endpoint micro.EndpointInfo
	identity micro.ServiceIdentity
	answers  map[string]func() any // by subject
}

func newService(i events.Instance, vitals func() events.Vitals) service {
	s := service{
		instance: i, vitals: vitals, answers: map[string]func() any{},
		identity: micro.ServiceIdentity{
			Name: serviceName(i.Type, i.Agent), ID: nuid.Next(), Version: semantic(i.Version),
			Metadata: map[string]string{
				"type": i.Type, "step": i.Step, "agent": i.Agent, "instance": i.Name, "version": i.Version,
			},
		},
		endpoint: micro.EndpointInfo{
			Name: "presence", Subject: presenceSubject(i.Type, i.Agent), QueueGroup: micro.DefaultQueueGroup,
		},
	}
	for verb, answer := range map[micro.Verb]func() any{micro.PingVerb: s.ping, micro.InfoVerb: s.info, micro.StatsVerb: s.stats} {
		base := micro.APIPrefix + "." + verb.String()
		s.answers[base] = answer
		s.answers[base+"."+s.identity.Name] = answer
		s.answers[base+"."+s.identity.Name+"."+s.identity.ID] = answer
	}
	return s
}

// presence is the instance as it is now.
func (s service) presence() any {
	now := s.instance
	now.Vitals = s.vitals()
	return now
}

func (s service) ping() any {
	return micro.Ping{ServiceIdentity: s.identity, Type: micro.PingResponseType}
}

func (s service) info() any {
	return micro.Info{
		ServiceIdentity: s.identity, Type: micro.InfoResponseType,
		Description: fmt.Sprintf("agent %s of saga %s", s.instance.Agent, s.instance.Type),
		Endpoints:   []micro.EndpointInfo{s.endpoint},
	}
}

// stats carries all that there is to know, so that one question to all is enough.
func (s service) stats() any {
	now := s.presence().(events.Instance)
	text, _ := json.Marshal(now)
	return micro.Stats{
		ServiceIdentity: s.identity, Type: micro.StatsResponseType, Started: s.instance.Started.UTC(),
		Endpoints: []*micro.EndpointStats{{
			Name: s.endpoint.Name, Subject: s.endpoint.Subject, QueueGroup: s.endpoint.QueueGroup,
			NumRequests: int(now.Vitals.Performed + now.Vitals.Failed + now.Vitals.Pending), NumErrors: int(now.Vitals.Failed),
			Data: text,
		}},
	}
}

var semver = regexp.MustCompile(`^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$`)

// semantic makes a version such as NATS takes: what it can't be stands in the
// metadata alone.
func semantic(version string) string {
	if version = strings.TrimPrefix(version, "v"); semver.MatchString(version) {
		return version
	}
	return "0.0.0"
}
