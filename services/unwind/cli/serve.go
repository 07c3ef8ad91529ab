package cli

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/saga/callback"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/serve"
)

// envToken holds the token that is good for all.
const envToken = "UNWIND_SERVE_TOKEN"

type serveFlags struct{ listen, secret, token, index string }

func (t *tool) serveCommand() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Take tasks and answers, and tell sagas, over HTTP",
		Long: `Take tasks and answers, and tell sagas, over HTTP: for upstream systems that have
no broker's client, and for callbacks of those to whom an agent gave a URL.

  POST /v1/sagas/<type>               begin a saga; Idempotency-Key: the same is begun once
  GET  /v1/sagas/<type>/<id>          how it stands
  GET  /v1/sagas/<type>/<id>/events   its events until it ended, as server-sent events
  POST /v1/sagas/<type>/<id>/cancel   turn it: {"reason": "..."}
  POST /v1/sagas/<type>/<id>/steps/<step>/answer?attempt=<n>&token=<token>
                                      the outcome of a step: {"outcome": "completed", "data": ...}

Your own programs send the token that is in $UNWIND_SERVE_TOKEN, or in a file. A URL
that an agent made with package callback is good for one question; its secret is in
$UNWIND_CALLBACK_SECRET, for agents and server, or in a file.

A task that the running agents would reject is refused with 422.

It speaks no TLS: where it is reached from outside, a proxy stands before it.`,
		Example: `  export UNWIND_SERVE_TOKEN=$(openssl rand -hex 32)
  unwind serve --listen 127.0.0.1:8222
  alias ask='curl -H "Authorization: Bearer $UNWIND_SERVE_TOKEN"'
  ask -H "Idempotency-Key: order-7" -d @task.json http://127.0.0.1:8222/v1/sagas/kyc
  ask -N http://127.0.0.1:8222/v1/sagas/kyc/order-7/events
  UNWIND_CALLBACK_SECRET=$(openssl rand -hex 32) unwind serve`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return t.serve(c.Context(), f) },
	}
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:8222", "where to listen; port 0 is any free one")
	c.Flags().StringVar(&f.secret, "secret-file", "", "a file with the secret of callback URLs (default $"+callback.EnvSecret+")")
	c.Flags().StringVar(&f.token, "token-file", "", "a file with a token that is good for all (default $"+envToken+")")
	c.Flags().StringVar(&f.index, "index", "", "a file in which an index of sagas is kept up to date meanwhile, as \"unwind index --follow\" does")
	return c
}

func (t *tool) serve(ctx context.Context, f serveFlags) error {
	secret, err := fromFile(f.secret, callback.EnvSecret)
	if err != nil {
		return err
	}
	token, err := fromFile(f.token, envToken)
	if err != nil {
		return err
	}
	ctx, cancel := t.limitWait(ctx)
	defer cancel()
	logger := slog.New(slog.NewTextHandler(t.err, nil))
	log, err := t.connectAs(ctx, "unwind serve", logger)
	if err != nil {
		return err
	}
	defer log.Close()
	h, err := serve.New(log, serve.Config{Secret: secret, Bearer: string(token), Logger: logger})
	if err != nil {
		return &exit{exitError, fmt.Errorf("%w\nhint: set $%s or $%s", err, callback.EnvSecret, envToken)}
	}
	if f.index != "" {
		done, err := t.keepWarm(ctx, indexFlags{file: f.index}, log, logger)
		if err != nil {
			return err
		}
		defer done()
	}
	l, err := net.Listen("tcp", f.listen)
	if err != nil {
		return &exit{exitError, err}
	}
	t.say("listens %s", t.ink(t.err).Paint(ink.Strong, "http://"+l.Addr().String()))
	return interrupted(ctx, h.Run(ctx, l))
}

// fromFile reads a secret: from a file, or else from the environment.
func fromFile(file, env string) ([]byte, error) {
	if file == "" {
		return []byte(os.Getenv(env)), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, &exit{exitError, err}
	}
	return bytes.TrimSpace(text), nil
}
