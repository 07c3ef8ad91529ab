package agent_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

// A provider answers so many requests in each second, and 429 otherwise, with
// the time until the next second begins.
type provider struct {
	limit int

	mu      sync.Mutex
	second  int64
	served  int // in this second
	good    int
	refused int
}

func (p *provider) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now().Unix(); now != p.second {
		p.second, p.served = now, 0
	}
	if p.served++; p.served > p.limit {
		p.refused++
		w.Header().Set("Retry-After", "1")
		http.Error(w, "slow down", http.StatusTooManyRequests)
		return
	}
	p.good++
}

// calls asks the provider, in fifty milliseconds.
func (p *provider) calls(read func(*http.Response) error) agent.Handler {
	return does(func(context.Context) (agent.Result, error) {
		time.Sleep(50 * time.Millisecond)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
		return agent.Result{}, read(w.Result())
	})
}

// TestThrottled runs sagas against a provider that allows five calls a
// second. An agent that reads its 429s loses no saga; and one that has a limit
// of its own, twice too high, wastes few calls.
func TestThrottled(t *testing.T) {
	unread := func(res *http.Response) error {
		if res.StatusCode != http.StatusOK {
			return errors.New(res.Status) // as an agent does that does not look at it
		}
		return nil
	}
	for name, c := range map[string]struct {
		limit  *config.RateLimit
		holds  string
		read   func(*http.Response) error
		sagas  int
		failed func(n int) bool
		wasted func(n int) bool
		within time.Duration
	}{
		"429s are not read": {
			read: unread, sagas: 120, within: time.Hour,
			failed: func(n int) bool { return n > 60 }, wasted: func(n int) bool { return n > 120 },
		},
		"each saga by itself": {
			read: agent.FromResponse, holds: config.HoldsSaga, sagas: 60, within: time.Hour,
			failed: func(n int) bool { return n == 0 }, wasted: func(n int) bool { return n > 60 },
		},
		"the instance holds back": {
			read: agent.FromResponse, sagas: 120, within: 2 * time.Minute,
			failed: func(n int) bool { return n == 0 }, wasted: func(int) bool { return true },
		},
		"the instance holds back, and has a limit": {
			read: agent.FromResponse, limit: &config.RateLimit{Requests: 10, Per: time.Second, Burst: 5}, sagas: 120, within: 2 * time.Minute,
			failed: func(n int) bool { return n == 0 }, wasted: func(n int) bool { return n < 15 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				cfg := seat
				cfg.RateLimit, cfg.RetryAfterHolds = c.limit, c.holds
				cfg.RetryPolicy = config.RetryPolicy{MaxRetries: 3, BaseDelay: time.Second, MaxDelay: 30 * time.Second, Multiplier: 2}.Exactly()
				p := &provider{limit: 5}
				agent := w.start(cfg, p.calls(c.read))
				w.submitAll(c.sagas)
				var took time.Duration
				for done := 0; done < c.sagas; {
					w.sleep(5 * time.Second)
					took = time.Since(w.began)
					if done = w.ended(c.sagas, saga.Completed) + w.ended(c.sagas, saga.Compensated); took > c.within {
						break
					}
				}
				failed := w.ended(c.sagas, saga.Compensated)
				t.Logf("%d of %d sagas failed; of %d calls %d were wasted; in %s", failed, c.sagas, p.good+p.refused, p.refused, took)
				assert.True(w, c.failed(failed), "%d sagas failed", failed)
				assert.True(w, c.wasted(p.refused), "%d calls were wasted", p.refused)
				assert.LessOrEqual(w, took, c.within)
				told := strings.Count(agent.logs.String(), `level=WARN msg="throttled:`)
				assert.Equal(w, name[:3] == "the", told > 0)
				assert.NotContains(w, agent.logs.String(), "slow down", "no payload in the logs")
			})
		})
	}
}

// What is held back is held back before its claim, and goes on by itself.
func TestNothingIsBegunUntilTheRetryAfterIsOver(t *testing.T) {
	for holds, want := range map[string][]time.Duration{
		config.HoldsInstance: seconds(0, 10, 10),
		config.HoldsSaga:     seconds(0, 2, 10),
	} {
		t.Run(holds, func(t *testing.T) {
			bubble(t, func(w *world) {
				cfg := seat
				cfg.RetryAfterHolds = holds
				var c calls
				w.start(cfg, c.handles(w, 0, func(n int, _ agent.Task) error {
					if n == 1 {
						return agent.RetryAfter(10*time.Second, errOops)
					}
					return nil
				}))
				w.submit("1", `{}`)
				w.sleep(2 * time.Second)
				w.submit("2", `{}`)
				w.sleep(time.Second)
				begun := 1
				if holds == config.HoldsInstance {
					begun = 0
				}
				assert.Equal(w, begun, w.ended(2, saga.Completed))
				w.sleep(time.Minute)
				assert.Equal(w, want, c.times())
				assert.Equal(w, 2, w.ended(2, saga.Completed), fmt.Sprint(c.times()))
			})
		})
	}
}

// Four calls under way are told to slow down: the pace is halved once, none comes
// at once with another when the pause is over, and within half a minute all is as
// it was.
func TestThePaceIsHalvedAndGrowsBack(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.RateLimit = &config.RateLimit{Requests: 8, Per: time.Second, Burst: 4}
		var c calls
		p := w.start(cfg, c.handles(w, time.Millisecond, func(n int, _ agent.Task) error {
			if n <= 4 {
				return agent.RetryAfter(10*time.Second, errOops)
			}
			return nil
		}))
		w.submitAll(400)
		w.sleep(25 * time.Second)
		at := c.times()
		assert.Equal(w, seconds(0, 0, 0, 0, 10.001, 10.251), at[:6])
		assert.InDelta(w, 4*15+15*15*8/60/2, len(at)-5, 5, "growing by 8/60 each second")
		assert.NotContains(w, p.logs.String(), "no longer throttled")
		w.sleep(20 * time.Second)
		assert.Contains(w, p.logs.String(), `level=WARN msg="no longer throttled"`)
		at = c.times()
		assert.Equal(w, 125*time.Millisecond, at[len(at)-1]-at[len(at)-2])
		assert.Equal(w, 1, strings.Count(p.logs.String(), `level=WARN msg="throttled: nothing is begun for a while, and then more slowly"`))
	})
}
