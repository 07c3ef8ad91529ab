package board

import (
	"encoding/json"
	"fmt"
)

// A Panel is one picture of the dashboard.
type Panel struct {
	Title string
	About string
	Kind  string // of Grafana: timeseries, stat or table; default timeseries
	Unit  string // of Grafana: short, s, ops, percentunit
	Width int    // of 24; default 8
	Draws []Draw
}

// A Draw is one query of a panel.
type Draw struct {
	Query  string // with our names: see promql
	Legend string
}

// A Row is panels under one heading.
type Row struct {
	Title  string
	Panels []Panel
}

// of is what the dashboard's variables choose; ofType leaves the agent out.
const (
	of     = `{unwind.saga.type=~"$type", unwind.agent=~"$agent"}`
	ofType = `{unwind.saga.type=~"$type"}`
	ours   = `unwind.saga.type=~"$type", unwind.agent=~"$agent"`
)

// Rows lists what is drawn.
func Rows() []Row {
	quantile := func(q, metric, by, labels string) string {
		return fmt.Sprintf(`histogram_quantile(%s, sum by (le, %s) (rate(%s_bucket%s[$__rate_interval])))`, q, by, metric, labels)
	}
	return []Row{
		{"Sagas", []Panel{
			{Title: "Completed", Kind: "stat", Width: 4, Draws: []Draw{{`sum(increase(unwind.sagas.ended{unwind.saga.type=~"$type", unwind.outcome="completed"}[$__range]))`, ""}}},
			{Title: "Undone", Kind: "stat", Width: 4, Draws: []Draw{{`sum(increase(unwind.sagas.ended{unwind.saga.type=~"$type", unwind.outcome="compensated"}[$__range]))`, ""}}},
			{Title: "Got stuck", Kind: "stat", Width: 4, About: "Steps that came to wait for a person; `unwind inbox list` has them.", Draws: []Draw{{`sum(increase(unwind.stuck` + of + `[$__range]))`, ""}}},
			{Title: "Ended", Unit: "ops", Width: 6, Draws: []Draw{{`sum by (unwind.saga.type, unwind.outcome) (rate(unwind.sagas.ended` + ofType + `[$__rate_interval]))`, "{{unwind_saga_type}} {{unwind_outcome}}"}}},
			{Title: "Turned, by reason", Unit: "ops", Width: 6, Draws: []Draw{{`sum by (unwind.saga.type, unwind.reason) (rate(unwind.sagas.turned` + ofType + `[$__rate_interval]))`, "{{unwind_saga_type}} {{unwind_reason}}"}}},
		}},
		{"What waits", []Panel{
			{Title: "Backlog", About: "Messages that nobody was given yet, as the broker says.", Draws: []Draw{{`max by (unwind.agent, unwind.purpose) (unwind.backlog` + of + `)`, "{{unwind_agent}} {{unwind_purpose}}"}}},
			{Title: "Held", About: "Messages given to somebody and not acknowledged.", Draws: []Draw{{`max by (unwind.agent, unwind.purpose) (unwind.backlog.held` + of + `)`, "{{unwind_agent}} {{unwind_purpose}}"}}},
			{Title: "Nobody listens", About: "1 where no instance asks for messages.", Draws: []Draw{{`1 - max by (unwind.agent, unwind.purpose) (unwind.listens` + of + `)`, "{{unwind_agent}} {{unwind_purpose}}"}}},
		}},
		{"Agents", []Panel{
			{Title: "Instances that are ready", Draws: []Draw{{`sum by (unwind.agent) (unwind.ready` + of + `)`, "{{unwind_agent}}"}}},
			{Title: "Calls under way", Draws: []Draw{{`sum by (unwind.agent, unwind.call) (unwind.calls.active` + of + `)`, "{{unwind_agent}} {{unwind_call}}"}}},
			{Title: "Messages in hand", About: "Those that wait for a turn, too.", Draws: []Draw{{`sum by (unwind.agent, unwind.purpose) (unwind.messages.active` + of + `)`, "{{unwind_agent}} {{unwind_purpose}}"}}},
			{Title: "Attempts, by outcome", Unit: "ops", Draws: []Draw{{`sum by (unwind.agent, unwind.outcome) (rate(unwind.attempts` + of + `[$__rate_interval]))`, "{{unwind_agent}} {{unwind_outcome}}"}}},
			{Title: "Failures, by class", Unit: "ops", Draws: []Draw{{`sum by (unwind.agent, unwind.error.class) (rate(unwind.attempts{` + ours + `, unwind.outcome="failed"}[$__rate_interval]))`, "{{unwind_agent}} {{unwind_error_class}}"}}},
			{Title: "How long a call takes", Unit: "s", Draws: []Draw{
				{quantile("0.5", "unwind.call.duration", "unwind.agent", `{`+ours+`, unwind.call="perform"}`), "{{unwind_agent}} median"},
				{quantile("0.99", "unwind.call.duration", "unwind.agent", `{`+ours+`, unwind.call="perform"}`), "{{unwind_agent}} 99 %"},
			}},
		}},
		{"Recovery", []Panel{
			{Title: "Retries", Unit: "ops", Draws: []Draw{{`sum by (unwind.agent, unwind.cause) (rate(unwind.retries` + of + `[$__rate_interval]))`, "{{unwind_agent}} {{unwind_cause}}"}}},
			{Title: "Fallbacks", Unit: "ops", Draws: []Draw{{`sum by (unwind.agent, unwind.next) (rate(unwind.fallbacks` + of + `[$__rate_interval]))`, "{{unwind_agent}} to {{unwind_next}}"}}},
			{Title: "Undoing, by outcome", Unit: "ops", Draws: []Draw{{`sum by (unwind.agent, unwind.outcome) (rate(unwind.compensations` + of + `[$__rate_interval]))`, "{{unwind_agent}} {{unwind_outcome}}"}}},
			{Title: "Ordered to undo", Unit: "ops", Draws: []Draw{{`sum by (unwind.agent, unwind.reason) (rate(unwind.compensations.ordered` + of + `[$__rate_interval]))`, "{{unwind_agent}} {{unwind_reason}}"}}},
			{Title: "Throttled", Unit: "ops", Draws: []Draw{{`sum by (unwind.agent) (rate(unwind.throttled` + of + `[$__rate_interval]))`, "{{unwind_agent}}"}}},
			{Title: "Circuit breakers that are not closed", Draws: []Draw{{`sum by (unwind.agent, unwind.state) (unwind.breaker{` + ours + `, unwind.state!="closed"})`, "{{unwind_agent}} {{unwind_state}}"}}},
		}},
		{"Messages", []Panel{
			{Title: "Worked on", Unit: "ops", Draws: []Draw{{`sum by (messaging.consumer.group.name) (rate(messaging.client.consumed.messages[$__rate_interval]))`, "{{messaging_consumer_group_name}}"}}},
			{Title: "How long that takes, 99 %", Unit: "s", Draws: []Draw{{quantile("0.99", "messaging.process.duration", "messaging.consumer.group.name", ""), "{{messaging_consumer_group_name}}"}}},
			{Title: "How long an append takes", Unit: "s", About: "Until the broker has stored the event, or refused it.", Draws: []Draw{
				{`histogram_quantile(0.5, sum by (le) (rate(messaging.client.operation.duration_bucket[$__rate_interval])))`, "median"},
				{`histogram_quantile(0.99, sum by (le) (rate(messaging.client.operation.duration_bucket[$__rate_interval])))`, "99 %"},
			}},
			{Title: "Events written", Unit: "ops", Draws: []Draw{{`sum by (messaging.destination.template) (rate(messaging.client.sent.messages[$__rate_interval]))`, "{{messaging_destination_template}}"}}},
			{Title: "Not settled", Unit: "ops", Draws: []Draw{{`sum by (messaging.consumer.group.name, error.type) (rate(messaging.client.consumed.messages{error.type!=""}[$__rate_interval]))`, "{{messaging_consumer_group_name}} {{error_type}}"}}},
		}},
	}
}

type object = map[string]any

var source = object{"type": "prometheus", "uid": "${source}"}

// Dashboard is what Grafana imports.
func Dashboard() ([]byte, error) {
	var panels []object
	x, y, id := 0, 0, 0
	const high = 8
	next := func() int { id++; return id }
	for _, row := range Rows() {
		if x > 0 {
			x, y = 0, y+high
		}
		panels = append(panels, object{
			"id": next(), "type": "row", "title": row.Title, "collapsed": false, "panels": []object{},
			"gridPos": object{"x": 0, "y": y, "w": 24, "h": 1},
		})
		y++
		for _, p := range row.Panels {
			width := p.Width
			if width == 0 {
				width = 8
			}
			if x+width > 24 {
				x, y = 0, y+high
			}
			panels = append(panels, p.draw(next(), object{"x": x, "y": y, "w": width, "h": high}))
			x += width
		}
	}
	board := object{
		"uid": "unwind", "title": "Unwind", "tags": []string{"unwind", "saga"}, "schemaVersion": 39, "editable": true,
		"time": object{"from": "now-1h", "to": "now"}, "refresh": "30s", "panels": panels,
		"templating": object{"list": []object{
			{"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
			variable("type", "Saga type", promql(`label_values(unwind.ready, unwind.saga.type)`)),
			variable("agent", "Agent", promql(`label_values(unwind.ready{unwind.saga.type=~"$type"}, unwind.agent)`)),
		}},
	}
	text, err := json.MarshalIndent(board, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the dashboard: %w", err)
	}
	return append(text, '\n'), nil
}

func variable(name, label, query string) object {
	return object{
		"name": name, "label": label, "type": "query", "datasource": source, "query": query, "definition": query,
		"includeAll": true, "multi": true, "allValue": ".*", "refresh": 2, "sort": 1,
		"current": object{"text": []string{"All"}, "value": []string{"$__all"}},
	}
}

func (p Panel) draw(id int, place object) object {
	kind, unit := p.Kind, p.Unit
	if kind == "" {
		kind = "timeseries"
	}
	if unit == "" {
		unit = "short"
	}
	var targets []object
	for i, d := range p.Draws {
		targets = append(targets, object{
			"refId": string(rune('A' + i)), "datasource": source, "expr": promql(d.Query), "legendFormat": d.Legend,
			"instant": kind == "stat", "range": kind != "stat",
		})
	}
	return object{
		"id": id, "type": kind, "title": p.Title, "description": p.About, "datasource": source, "gridPos": place, "targets": targets,
		"fieldConfig": object{"defaults": object{"unit": unit, "min": 0}, "overrides": []object{}},
	}
}
