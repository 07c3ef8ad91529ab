package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/serve"
)

// TestDeploy starts servers from the files in deploy/nats, and runs sagas on
// them.
func TestDeploy(t *testing.T) {
	t.Setenv("NATS_SYNC", "always")
	t.Setenv("UNWIND_KYC_PASSWORD", "kyc")
	t.Setenv("UNWIND_GATEWAY_PASSWORD", "gateway")
	t.Setenv("UNWIND_SHOP_PASSWORD", "shop")
	t.Setenv("UNWIND_OPERATOR_PASSWORD", "operator")

	t.Run("one", func(t *testing.T) {
		s := deploy(t, copyOf(t), "one.conf")
		log := connect(t, broker.Config{URL: s.ClientURL()})
		perform(t, log)
		require.Equal(t, saga.Completed, apply(t, log, "order-1"))
	})

	t.Run("users", func(t *testing.T) {
		files := copyOf(t)
		edit(t, filepath.Join(files, "one.conf"), "# include ./users.conf", "include ./users.conf")
		s := deploy(t, files, "one.conf")
		as := func(user string) broker.Config {
			return broker.Config{URL: strings.Replace(s.ClientURL(), "nats://", "nats://"+user+":"+user+"@", 1)}
		}
		agents, operator := connect(t, as("kyc")), connect(t, as("operator"))
		perform(t, agents)

		shop := connect(t, as("shop"))
		_, err := client.Submit(t.Context(), shop, "kyc", "order-1", []byte(`{}`), "shop")
		require.NoError(t, err)
		state, err := client.Wait(t.Context(), operator, "kyc", "order-1")
		require.NoError(t, err)
		require.Equal(t, saga.Completed, state.Status())

		// Who is there, whoever asks who may ask; an agent that may not say so works on.
		for _, log := range []*broker.Log{operator, connect(t, as("gateway"))} {
			require.Eventually(t, func() bool {
				there, err := log.Instances(t.Context(), "kyc")
				require.NoError(t, err)
				return len(there) == 2 && there[0].Agent == "first" && there[1].Agent == "second"
			}, 10*time.Second, 50*time.Millisecond)
		}
		waits, err := operator.Backlogs(t.Context(), "kyc")
		require.NoError(t, err)
		require.Len(t, waits, 8)
		_, err = shop.Instances(t.Context(), "kyc")
		require.ErrorContains(t, err, "permission denied")
		err = shop.Announce(t.Context(), events.Instance{Type: "kyc", Step: "x", Agent: "x", Name: "x"}, nil)
		require.ErrorContains(t, err, "permission denied")

		// The door for HTTP begins a saga, follows it to its end, and cancels one.
		gateway := connect(t, as("gateway"))
		h, err := serve.New(gateway, serve.Config{Bearer: bearer})
		require.NoError(t, err)
		require.Contains(t, asked(t, h, http.MethodPost, "/v1/sagas/kyc", `{}`, 201), `"order-7"`)
		require.Contains(t, asked(t, h, http.MethodGet, "/v1/sagas/kyc/order-7/events", "", 200), "event: end\n")
		require.Contains(t, asked(t, h, http.MethodGet, "/v1/sagas/kyc/order-7", "", 200), `"status":"completed"`)
		require.Contains(t, asked(t, h, http.MethodPost, "/v1/sagas/kyc/order-7/cancel", `{"reason":"so"}`, 409), "it has ended")
		require.Contains(t, asked(t, h, http.MethodPost, "/v1/sagas/nothing", `{}`, 503), "permission denied")

		// Whoever may see a saga sees its large results, and removes none.
		scan, err := client.Result(t.Context(), operator, "kyc", "order-1", "first")
		require.NoError(t, err)
		require.Equal(t, large, scan)
		_, err = shop.Get(t.Context(), "kyc", events.RefOf(large))
		require.ErrorContains(t, err, "permission denied")
		for _, log := range []*broker.Log{agents, operator, shop} {
			require.Error(t, ask(log, "$JS.API.STREAM.PURGE.OBJ_saga-kyc"))
			require.Error(t, ask(log, "$JS.API.STREAM.DELETE.OBJ_saga-kyc"))
		}

		// Nobody removes an event, and the shop sees none.
		for _, log := range []*broker.Log{agents, gateway, operator, shop} {
			require.Error(t, ask(log, "$JS.API.STREAM.PURGE.SAGA_kyc"))
			require.Error(t, ask(log, "$JS.API.STREAM.DELETE.SAGA_kyc"))
		}
		require.Error(t, ask(shop, "$JS.API.STREAM.INFO.SAGA_kyc"))
		require.NoError(t, ask(operator, "$JS.API.STREAM.INFO.SAGA_kyc"))
	})

	t.Run("three", func(t *testing.T) {
		files := copyOf(t)
		servers := make([]*server.Server, 3)
		for i := range servers {
			servers[i] = deploy(t, files, fmt.Sprintf("three-%d.conf", i+1))
		}
		log := connect(t, broker.Config{Replicas: 3, URL: servers[0].ClientURL() + "," + servers[1].ClientURL()})
		perform(t, log)
		require.Equal(t, saga.Completed, apply(t, log, "order-1"))
		servers[2].Shutdown()
		require.Equal(t, saga.Completed, apply(t, log, "order-2"), "with one server down")
	})
}

const bearer = "a token that is good for all"

// asked asks the door for HTTP.
func asked(t *testing.T, h http.Handler, method, path, body string, want int) string {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+bearer)
	r.Header.Set("Idempotency-Key", "order-7")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	require.Equal(t, want, w.Code, w.Body.String())
	return w.Body.String()
}

// copyOf copies the files, with ports that are free on this machine.
func copyOf(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	files, err := filepath.Glob("../../deploy/nats/*.conf")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	port := regexp.MustCompile(`127\.0\.0\.1:\d+`)
	free := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		text = port.ReplaceAllFunc(text, func(address []byte) []byte {
			if free[string(address)] == "" {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				free[string(address)] = l.Addr().String()
				require.NoError(t, l.Close())
			}
			return []byte(free[string(address)])
		})
		require.NoError(t, os.WriteFile(filepath.Join(folder, filepath.Base(file)), text, 0o600))
	}
	return folder
}

func edit(t *testing.T, file, old, text string) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(content), old)
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(content), old, text, 1)), 0o600))
}

// deploy starts a server from a file, as nats-server -c does.
func deploy(t *testing.T, folder, file string) *server.Server {
	t.Helper()
	t.Setenv("NATS_STORE", t.TempDir())
	options, err := server.ProcessConfigFile(filepath.Join(folder, file))
	require.NoError(t, err)
	options.NoSigs, options.NoLog = true, true
	s, err := server.NewServer(options)
	require.NoError(t, err)
	go s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(t, s.ReadyForConnections(10*time.Second))
	return s
}

func connect(t *testing.T, c broker.Config) *broker.Log {
	t.Helper()
	log, err := broker.Connect(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(log.Close)
	return log
}

// large is a result that is too large to travel with an event.
var large = json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`)

// perform runs two agents of the type kyc until the test ends.
func perform(t *testing.T, log *broker.Log) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() { stop(); running.Wait() })
	for cfg, perform := range map[*config.Config]func(context.Context, agent.Task) (agent.Result, error){
		{Saga: "kyc", Agent: "first"}: func(context.Context, agent.Task) (agent.Result, error) {
			return agent.Result{Data: large}, nil
		},
		{Saga: "kyc", Agent: "second", After: []string{"first"}, Final: true}: func(_ context.Context, t agent.Task) (agent.Result, error) {
			var scan string
			return agent.Result{Data: "done"}, t.Result("first", &scan)
		},
	} {
		running.Go(func() {
			if err := agent.Run(ctx, log, *cfg, agent.Handler{Perform: perform}); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		})
	}
	// The streams are there as soon as one agent has come so far.
	require.Eventually(t, func() bool {
		types, err := log.Types(t.Context())
		return err == nil && len(types) == 1 || strings.Contains(fmt.Sprint(err), "denied")
	}, 30*time.Second, 50*time.Millisecond)
}

func apply(t *testing.T, log *broker.Log, id string) saga.Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := client.Submit(ctx, log, "kyc", id, []byte(`{}`), "shop")
	require.NoError(t, err)
	state, err := client.Wait(ctx, log, "kyc", id)
	require.NoError(t, err)
	return state.Status()
}

// ask asks JetStream a question, and fails when it is not answered kindly.
func ask(log *broker.Log, question string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	answer, err := log.Conn().RequestMsgWithContext(ctx, nats.NewMsg(question))
	if err == nil && strings.Contains(string(answer.Data), `"error"`) {
		return fmt.Errorf("%s", answer.Data)
	}
	return err
}
