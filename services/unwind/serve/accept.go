package serve

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/config"
)

const (
	fresh  = 30 * time.Second // how long what agents declared is believed
	moment = time.Second      // how long they may take to say it
)

// A Doorman refuses tasks that the agents which run would reject, by the schemas that
// they declare. It asks them now and then; where nobody answers it lets all pass, since
// the agents judge for themselves.
type Doorman struct {
	agents events.Directory

	mu    sync.Mutex
	known map[string]*demands
}

// demands are what the agents of a type ask of a task.
type demands struct {
	asked   time.Time
	asking  bool
	schemas map[string][]*config.Schema // by agent that begins with the task; of each of its versions
}

// NewDoorman makes one.
func NewDoorman(agents events.Directory) *Doorman {
	return &Doorman{agents: agents, known: map[string]*demands{}}
}

// Accept is for [Config.Accept]. While an agent runs in several versions, it is enough
// that one of them would take the task.
func (d *Doorman) Accept(ctx context.Context, typ string, task []byte) error {
	for agent, schemas := range d.demands(ctx, typ) {
		var refused error
		for _, s := range schemas {
			if refused = s.Validate(task); refused == nil {
				break
			}
		}
		if refused != nil {
			return fmt.Errorf("agent %s would reject the task: %w\nhint: `unwind agent describe %s --schemas` tells what it accepts", agent, refused, agent)
		}
	}
	return nil
}

// demands tells what is known, and has it asked anew when it is old. Only the first who
// comes for a type waits.
func (d *Doorman) demands(ctx context.Context, typ string) map[string][]*config.Schema {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.known[typ]
	switch {
	case k == nil:
		k = &demands{}
		d.known[typ] = k
		fallthrough
	case k.asked.IsZero() && !k.asking:
		k.asking = true
		d.mu.Unlock()
		schemas, err := d.ask(ctx, typ)
		d.mu.Lock()
		k.hear(schemas, err)
	case !k.asking && time.Since(k.asked) > fresh:
		k.asking = true
		go func() {
			schemas, err := d.ask(context.WithoutCancel(ctx), typ)
			d.mu.Lock()
			defer d.mu.Unlock()
			k.hear(schemas, err)
		}()
	}
	return k.schemas
}

func (k *demands) hear(schemas map[string][]*config.Schema, err error) {
	k.asking = false
	if err == nil {
		k.asked, k.schemas = time.Now(), schemas
	}
}

func (d *Doorman) ask(ctx context.Context, typ string) (map[string][]*config.Schema, error) {
	ctx, cancel := context.WithTimeout(ctx, moment)
	defer cancel()
	instances, err := d.agents.Instances(ctx, typ)
	if err != nil {
		return nil, err
	}
	schemas := map[string][]*config.Schema{}
	for _, i := range instances {
		if c, err := config.FromDeclared(i.Declared); err == nil && c.Entry() {
			schemas[i.Agent] = append(schemas[i.Agent], c.TaskSchema) // nil accepts all
		}
	}
	return schemas, nil
}
