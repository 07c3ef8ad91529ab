package order_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/saga/sagatest"
	"github.com/unwind-saga/unwind/services/order/bank"
	"github.com/unwind-saga/unwind/services/order/purchase"
	"github.com/unwind-saga/unwind/services/order/world"
	"github.com/unwind-saga/unwind/services/unwind/dev"
)

const (
	orders  = 150
	stream  = 20 * time.Second // in which they are placed
	seconds = 120              // in which they have to end after the last one was placed

	teapots = 30 // there are, in both warehouses; fifty are wanted
)

// TestKilledProcesses runs the six agents, two processes each, and kills one of
// them every second while 150 orders are placed, Stripe fails in each of its ways
// and the mail server refuses letters. Every fifth card is declined, every seventh
// customer changes their mind in the middle, and there are not teapots for all who
// want one. Every saga ends (I4); then all adds up, looked up in the warehouses, the
// bank's books and the mailboxes: what was sold is reserved, paid and confirmed,
// once, and of what went back nothing is left (I2).
func TestKilledProcesses(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	folder := t.TempDir()
	w, err := world.Open(ctx, folder, world.Config{Say: func(text string) { t.Log(text) }})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	require.NoError(t, w.Stock(ctx, 0, "teapot", teapots*2/3))
	require.NoError(t, w.Stock(ctx, 1, "teapot", teapots/3))
	cast, err := dev.Find(".")
	require.NoError(t, err)
	require.False(t, cast.Errors(), "%v %v", cast.Mistakes, cast.Findings)
	crew, err := dev.Start(ctx, dev.Config{
		Store: filepath.Join(folder, "dev"), Replicas: 2, MostDelay: time.Second,
		Env: append(w.Env(), "ORDER_LEASE=3s", "ORDER_BASE_DELAY=300ms", "PAYMENT_TIMEOUT=3s", "RELAY_MAX_DELAY=1s"),
	}, cast.Programs)
	require.NoError(t, err)
	t.Cleanup(crew.Stop)
	require.NoError(t, crew.Ready(ctx))

	var nemesis sync.WaitGroup
	stop, placed, kills := make(chan struct{}), make(chan struct{}), 0
	nemesis.Go(func() { kills = kill(t, crew, stop) })
	nemesis.Go(func() { trouble(t, ctx, w, placed) })
	var fickle sync.WaitGroup
	next := time.NewTicker(stream / orders)
	defer next.Stop()
	for n := range orders {
		<-next.C
		_, err := client.Submit(ctx, crew.Log(), "order", id(n), world.Task(wanted(n)), "test")
		require.NoError(t, err)
		if cancelled(n) {
			fickle.Go(func() {
				time.Sleep(time.Duration(rand.IntN(120)) * time.Millisecond) // wherever it is then
				err := client.Cancel(ctx, crew.Log(), "order", id(n), "test", "changed their mind")
				if !errors.Is(err, client.ErrEnded) && !errors.Is(err, client.ErrTurned) && !errors.Is(err, client.ErrCommitted) {
					assert.NoError(t, err)
				}
			})
		}
	}
	fickle.Wait()
	close(placed) // a few that are left would meet every fault there is
	ending, done := context.WithTimeout(ctx, seconds*time.Second)
	defer done()
	began := time.Now()
	ends := map[string]saga.Status{}
	for n := range orders {
		state, err := client.Wait(ending, crew.Log(), "order", id(n))
		_, history, lost := client.Load(t.Context(), crew.Log(), "order", id(n), 0)
		if err != nil || lost != nil {
			t.Fatalf("order %s: %v %v\n%s", id(n), err, lost, sagatest.Transcript(history))
		}
		// A process that is killed is never late, so I2 and I3 hold at every moment.
		if err := errors.Join(judge(n, state), sagatest.Check(history, false)); err != nil {
			t.Fatalf("order %s: %v\n%s", id(n), err, sagatest.Transcript(history))
		}
		ends[id(n)] = state.Status()
	}
	close(stop)
	nemesis.Wait()
	t.Logf("%d orders ended under %d kills, the last one %s after it was placed", orders, kills, time.Since(began).Round(time.Second))
	require.GreaterOrEqual(t, kills, 15, "hardly anything was killed")

	crew.Stop() // whoever was late has come to rest
	look(t, ctx, w, ends)
}

func id(n int) string { return fmt.Sprintf("order-%d", n) }

func declined(n int) bool  { return n%5 == 4 }
func cancelled(n int) bool { return n%7 == 3 }
func teapot(n int) bool    { return n%3 == 0 }

func wanted(n int) purchase.Purchase {
	lines := []purchase.Line{{SKU: "tea", Quantity: int64(1 + n%3)}}
	if teapot(n) {
		lines = append(lines, purchase.Line{SKU: "teapot", Quantity: 1})
	}
	if n%4 == 1 {
		lines = append(lines, purchase.Line{SKU: "kettle", Quantity: 1}) // in the second warehouse only
	}
	p := world.Want("Ada", lines...)
	if declined(n) {
		p = world.Declined(p)
	}
	return p
}

var prices = map[string]int64{"tea": 950, "teapot": 3900, "kettle": 8900}

// judge says what is wrong with how an order ended, if something is.
func judge(n int, s *saga.State) error {
	switch end := s.Status(); {
	case end != saga.Completed && end != saga.Compensated:
		return fmt.Errorf("it is %s", end)
	case end == saga.Completed && declined(n):
		return errors.New("it completed, with a card that is declined")
	case end == saga.Compensated && !declined(n) && !cancelled(n) && !teapot(n):
		return errors.New("it went back, and nothing was wrong with it")
	}
	return nil
}

// kill kills a process every second, whichever, until it is stopped.
func kill(t *testing.T, crew *dev.Crew, stop <-chan struct{}) (kills int) {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		select {
		case <-stop:
			return kills
		case <-every.C:
			alive := slices.DeleteFunc(crew.Processes(), func(p dev.Process) bool { return p.PID == 0 })
			if len(alive) == 0 {
				continue
			}
			victim := alive[rand.IntN(len(alive))]
			assert.NoError(t, crew.Kill(fmt.Sprintf("%s#%d", victim.Agent, victim.Replica)))
			kills++
		}
	}
}

// trouble has the bank fail once every half a second, in whichever way, and the
// first mail server refuse everybody every other second.
func trouble(t *testing.T, ctx context.Context, w *world.World, stop <-chan struct{}) {
	modes := []bank.Mode{bank.Drop, bank.Lose, bank.Limit, bank.Broken, bank.Blurred, bank.Hang}
	every := time.NewTicker(500 * time.Millisecond)
	defer every.Stop()
	for n := 0; ; n++ {
		select {
		case <-stop:
			assert.NoError(t, errors.Join(w.Bank.Fail(bank.Fault{}), w.First.Refuse(ctx, 0)))
			return
		case <-every.C:
			assert.NoError(t, w.Bank.Fail(bank.Fault{Mode: modes[rand.IntN(len(modes))], Count: 1}))
			if n%2 == 0 {
				assert.NoError(t, w.First.Refuse(ctx, []int{0, 451}[n/2%2]))
			}
		}
	}
}

// look looks everywhere for what is there: all of it for those who got their order,
// and nothing for the others.
func look(t *testing.T, ctx context.Context, w *world.World, ends map[string]saga.Status) {
	t.Helper()
	require.NoError(t, w.Audit(ctx))
	books, err := w.Books(ctx)
	require.NoError(t, err)
	var completed, sold, again, refunds int
	var second int64
	for n := range orders {
		p := books[id(n)]
		if p == nil {
			p = &world.Page{}
		}
		if p.Refunded > 0 {
			refunds++
		}
		if ends[id(n)] == saga.Compensated {
			assert.Empty(t, p.Reserved, "order %s went back", id(n))
			assert.Equal(t, p.Charged, p.Refunded, "order %s went back", id(n))
			assert.Empty(t, p.Letters, "order %s went back", id(n))
			continue
		}
		completed++
		want, price := map[string]int64{}, int64(0)
		for _, l := range wanted(n).Lines {
			want[l.SKU] = l.Quantity
			price += prices[l.SKU] * l.Quantity
		}
		assert.Len(t, p.Reserved, 1, "order %s is in one warehouse", id(n))
		for name, reserved := range p.Reserved {
			assert.Equal(t, want, reserved, "order %s in %s", id(n), name)
			sold += int(reserved["teapot"])
			if name == "Leipzig" {
				second++
			}
		}
		assert.Equal(t, 1, p.Charges, "charges of order %s", id(n))
		assert.Equal(t, price, p.Charged, "order %s", id(n))
		assert.Zero(t, p.Refunded, "order %s", id(n))
		// A letter whose sender was killed before it could say that it was sent
		// goes out again, under the same Message-ID.
		assert.Len(t, p.Letters, 1, "letters of order %s", id(n))
		for _, times := range p.Letters {
			again += times - 1
		}
	}
	t.Logf("%d got their order, %d of them from the second warehouse; %d teapots of %d sold; %d charges refunded; %d letters came again",
		completed, second, sold, teapots, refunds, again)
	assert.LessOrEqual(t, sold, teapots)
	assert.GreaterOrEqual(t, sold, teapots/2, "hardly any teapot was sold")
	assert.GreaterOrEqual(t, completed, orders/3, "hardly anybody got their order")
	assert.NotZero(t, second, "the second warehouse was never asked")
}
