package eventtest

import (
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// What strangers send: people with the nats tool, bridges, other languages.
var strangerRules = []rule{
	{name: "stranger/a bare message is a task", check: bareTask, raw: true},
	{name: "stranger/the case of a header is nothing", check: headerCase, raw: true},
	{name: "stranger/structured mode", check: structuredMode, raw: true},
	{name: "stranger/a slot is written once for strangers too", check: strangerOnce, raw: true},
	{name: "stranger/a foreign subject is delivered with its error, and no event", check: foreignSubject, raw: true},
	{name: "stranger/a scan ends although the last one is no event", check: scanForeign, raw: true},
	{name: "stranger/a foreign timer is delivered with its error", check: foreignTimer, raw: true},
}

func (b *bench) publish(subject string, h events.Header, body string) {
	b.Helper()
	b.must(b.log.(RawPublisher).PublishRaw(b.ctx, subject, h, []byte(body)), "publish")
}

func bareTask(b *bench) {
	before := b.write(b.task("1"))
	b.publish(b.task("2").String(), nil, `{"name": "Ada"}`)
	want := events.Event{Subject: b.task("2"), Seq: before.Seq + 1, ID: fmt.Sprintf("seq-%d", before.Seq+1), Data: []byte(`{"name":"Ada"}`)}
	b.same(b.history("2", want.Seq), want)
	got, _ := b.consume(events.Consumer{Name: "c", Filters: b.submitted()})
	b.ack(got, before)
	b.ack(got, want)
}

func headerCase(b *bench) {
	for i, h := range []events.Header{
		{"ce-specversion": {"1.0"}, "ce-id": {"id"}, "ce-source": {"me%20too"}, "ce-causationid": {"cause"}, "traceparent": {"parent"}, "tracestate": {"state"}},
		{"Ce-Specversion": {"1.0"}, "Ce-Id": {"id"}, "Ce-Source": {"me%20too"}, "Ce-Causationid": {"cause"}, "Traceparent": {"parent"}, "Tracestate": {"state"}},
		{"CE-SPECVERSION": {"1.0"}, "CE-ID": {"id"}, "CE-SOURCE": {"me too"}, "cE-cAUSATIONiD": {"cause"}, "TRACEPARENT": {"parent"}, "tracestate": {"state"}},
	} {
		id := fmt.Sprint(i)
		b.publish(b.task(id).String(), h, `{}`)
		got := b.history(id, 0)
		want := events.Event{Subject: b.task(id), ID: "id", Source: "me too", Causation: "cause", TraceParent: "parent", TraceState: "state", Data: []byte("{}")}
		if len(got) == 1 {
			want.Seq = got[0].Seq
		}
		b.same(got, want)
	}
}

func structuredMode(b *bench) {
	b.publish(b.task("1").String(), events.Header{"Content-Type": {"application/cloudevents+json; charset=utf-8"}}, `{
		"specversion": "1.0", "type": "dev.unwind.rejected", "subject": "other", "id": "id", "source": "me too",
		"causationid": "cause", "traceparent": "parent", "data": {"name": "Ada"}}`)
	got := b.history("1", 0)
	want := events.Event{Subject: b.task("1"), ID: "id", Source: "me too", Causation: "cause", TraceParent: "parent", Data: []byte(`{"name":"Ada"}`)}
	if len(got) == 1 {
		want.Seq = got[0].Seq
	}
	b.same(got, want)
}

func strangerOnce(b *bench) {
	first := b.write(b.task("1"))
	if b.log.(RawPublisher).PublishRaw(b.ctx, b.task("1").String(), nil, []byte("{}")) == nil {
		b.Fatalf("a stranger wrote a slot that is taken")
	}
	b.publish(b.task("2").String(), nil, "{}")
	_, err := b.log.Append(b.ctx, b.event(b.task("2")))
	b.refused(err, events.ErrTaken, first.Seq+1)
	b.same(b.history("1", 0), first)
}

func foreignSubject(b *bench) {
	foreign := []string{
		"saga." + b.typ + ".a.exploded.1",
		"saga." + b.typ + ".a.started-1.1",
		"saga." + b.typ + ".task.started.1",
		"saga." + b.typ + ".a",
		"saga." + b.typ + ".a.failed.2.1",
	}
	for _, subject := range foreign {
		b.publish(subject, nil, "not even JSON")
	}
	e := b.write(b.task("1"))
	got, _ := b.consume(events.Consumer{Name: "c", Filters: []string{"saga." + b.typ + ".>"}})
	for _, subject := range foreign {
		d := await(b, got, subject)
		if d.Err == nil || d.Subject != subject || d.Seq == 0 || d.Stream == "" || d.Time.IsZero() || d.Event.ID != "" {
			b.Fatalf("got delivery %+v, want %q with an error and no event", d, subject)
		}
		b.must(d.Ack(), "acknowledge")
	}
	b.ack(got, e)
	b.same(b.history("1", e.Seq), e)
	seen, _ := b.follow("", 0)
	b.seen(seen, e)
	seen, _ = b.follow("1", 0)
	b.seen(seen, e)
}

func foreignTimer(b *bench) {
	fired := b.timers("t", "a")
	foreign := "timer.due." + b.typ + ".a.lunch.1"
	b.publish(foreign, nil, "")
	d := await(b, fired, foreign)
	if d.Err == nil || d.Subject != foreign || d.Timer != (events.Timer{}) {
		b.Fatalf("got delivery %+v, want %q with an error and no timer", d, foreign)
	}
	b.must(d.Ack(), "acknowledge")

	mute := events.Timer{Type: b.typ, To: "a", What: events.DeadlineTimer, ID: "1", Due: time.Now()}
	b.publish(mute.Fired(), nil, "no number")
	b.fires(fired, mute)
}
