package kyc_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/kyc"
	"github.com/unwind-saga/unwind/services/store"
)

// The tests here run this binary again, as an agent: kyc.Main ends a process.
func TestMain(m *testing.M) {
	if os.Getenv("KYC_TEST_AGENT") != "" {
		kyc.Main(greeter, `CREATE TABLE IF NOT EXISTS greetings (key TEXT PRIMARY KEY)`)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// greeter is an agent with a setting and a compensation.
func greeter(o kyc.Office) (agent.Handler, error) {
	s := struct {
		Words string `yaml:"words"`
	}{"hello"}
	if err := o.Config.Settings(&s); err != nil {
		return agent.Handler{}, err
	}
	if s.Words == "" {
		return agent.Handler{}, errors.New("there is nothing to say")
	}
	return agent.Handler{
		Perform:       func(context.Context, agent.Task) (agent.Result, error) { return agent.Result{Data: s.Words}, nil },
		Compensations: agent.Compensations{"take-back": func(context.Context, agent.Undo) error { return nil }},
	}, nil
}

// process is an agent that reads this file in a folder of its own.
func process(t *testing.T, file string, env, args []string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "agent.yaml"), []byte(file), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a-file"), nil, 0o600))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
	t.Cleanup(cancel)
	p := exec.CommandContext(ctx, os.Args[0], args...)
	p.Dir = folder
	p.Env = append(os.Environ(), "KYC_TEST_AGENT=1", "NATS_URL=nats://127.0.0.1:1")
	p.Env = append(p.Env, env...)
	var stderr bytes.Buffer
	p.Stderr = &stderr
	t.Cleanup(func() {
		if p.Process != nil && p.ProcessState == nil {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
	})
	return p, &stderr
}

const good = "agent: greeter\nsaga: hello\nfinal: true\ncompensation_handler: take-back\n"

// What is wrong is said before anything is asked of a broker.
func TestMainMistakes(t *testing.T) {
	for name, tc := range map[string]struct {
		file      string
		env, args []string
		exit      int
		says      []string // lines, or the beginnings of lines
	}{
		"all mistakes of a file, with their places": {
			file: "agent: greeter\nsaga: hello\ntimeout: 5\nretry_policy:\n  max_retires: 3\n", exit: 1,
			says: []string{"agent.yaml:3:10: timeout: ", "agent.yaml:5:3: retry_policy.max_retires: unknown key, did you mean max_retries?"},
		},
		"no YAML":               {file: "agent: [\n", exit: 1, says: []string{"agent.yaml:"}},
		"a mistake in settings": {file: good + "settings:\n  word: hi\n", exit: 1, says: []string{"agent.yaml:6:3: settings.word: unknown key, did you mean words?"}},
		"the agent's own veto":  {file: good + "settings:\n  words: \"\"\n", exit: 1, says: []string{"there is nothing to say"}},
		"another file":          {file: good, args: []string{"--config", "nowhere.yaml"}, exit: 1, says: []string{"load agent configuration: open nowhere.yaml: no such file"}},
		"no folder for its state": {
			file: good, args: []string{"--state", "a-file/below"}, exit: 1, says: []string{"make the folder of its state: mkdir a-file: not a directory"},
		},
		"nor by the environment": {
			file: good, env: []string{"KYC_STATE=a-file"}, exit: 1, says: []string{"make the folder of its state: mkdir a-file: not a directory"},
		},
		"a broker's settings": {file: good, env: []string{"NATS_REPLICAS=many"}, exit: 1, says: []string{"NATS_REPLICAS=many: want 1 to 5"}},
		"a flag that is none": {file: good, args: []string{"--confg", "x"}, exit: 2, says: []string{"flag provided but not defined: -confg"}},
		"help":                {file: good, args: []string{"--help"}, exit: 0, says: []string{"  -config file", "  -state folder"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, stderr := process(t, tc.file, tc.env, tc.args)
			err := p.Run()
			if _, ok := errors.AsType[*exec.ExitError](err); !ok {
				require.NoError(t, err)
			}
			assert.Equal(t, tc.exit, p.ProcessState.ExitCode(), stderr)
			for _, want := range tc.says {
				var found bool
				for line := range strings.Lines(stderr.String()) {
					line = strings.TrimPrefix(line, filepath.Base(os.Args[0])+": ")
					found = found || strings.HasPrefix(line, want)
				}
				assert.True(t, found, "no line begins with %q:\n%s", want, stderr)
			}
		})
	}
}

func TestMainRuns(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	server, err := broker.Embed(ctx, t.TempDir(), broker.ServerConfig{})
	require.NoError(t, err)
	t.Cleanup(server.Shutdown)
	log, err := broker.Connect(ctx, broker.Config{InProcess: server})
	require.NoError(t, err)
	t.Cleanup(log.Close)

	t.Run("until it is told to stop", func(t *testing.T) {
		p, stderr := process(t, good, []string{"NATS_URL=" + server.ClientURL(), "KYC_STATE=by/environment"}, []string{"--state", "by/flag"})
		require.NoError(t, p.Start())
		require.NoError(t, log.Ensure(ctx, "hello"))
		_, err := client.Submit(ctx, log, "hello", "1", []byte("{}"), "test")
		require.NoError(t, err)
		state, err := client.Wait(ctx, log, "hello", "1")
		require.NoError(t, err)
		assert.JSONEq(t, `"hello"`, string(state.Step("greeter").Done.Result))

		require.NoError(t, p.Process.Signal(syscall.SIGTERM))
		require.NoError(t, p.Wait(), stderr)
		st, err := store.Open(filepath.Join(p.Dir, "by/flag/greeter.db"))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, st.Close()) })
		var tables int
		require.NoError(t, st.DB().QueryRow(`SELECT count(*) FROM sqlite_schema WHERE name = 'greetings'`).Scan(&tables))
		assert.Equal(t, 1, tables, "its own table is in its store")
		assert.NoDirExists(t, filepath.Join(p.Dir, "by/environment"), "a flag wins")
	})
	t.Run("not with a compensation that it does not have", func(t *testing.T) {
		p, stderr := process(t, strings.Replace(good, "take-back", "take-apart", 1), []string{"NATS_URL=" + server.ClientURL()}, nil)
		_ = p.Run()
		assert.Equal(t, 1, p.ProcessState.ExitCode())
		assert.Contains(t, stderr.String(), `take-apart`)
	})
}
