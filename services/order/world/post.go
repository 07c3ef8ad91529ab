package world

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
)

// A Post is a mail server: mailpit, which keeps what it gets, and shows it to
// people and programs over HTTP.
type Post struct {
	program, folder, name string
	smtp, http            string
	child                 *child
}

// openPost starts one. Its letters survive a restart.
func openPost(ctx context.Context, program, folder, name string) (_ *Post, err error) {
	p := &Post{program: program, folder: folder, name: name}
	if p.smtp, err = free(); err != nil {
		return nil, err
	}
	if p.http, err = free(); err != nil {
		return nil, err
	}
	return p, p.Start(ctx)
}

// Start starts it again after [Post.Stop], in the same place. If it runs, that is
// all.
func (p *Post) Start(ctx context.Context) (err error) {
	if p.child != nil {
		return nil
	}
	p.child, err = start(filepath.Join(p.folder, p.name+".log"), p.program,
		"--smtp", p.smtp, "--listen", p.http, "--database", filepath.Join(p.folder, p.name+".db"),
		"--enable-chaos", "--smtp-disable-rdns", "--disable-version-check", "--max", "0", "--quiet")
	if err != nil {
		return err
	}
	if err := p.child.answers(ctx, "http://"+p.http+"/readyz"); err != nil {
		p.Stop()
		return fmt.Errorf("start mail server %q: %w", p.name, err)
	}
	return nil
}

// Stop ends the server: nobody listens any more.
func (p *Post) Stop() {
	p.child.stop()
	p.child = nil
}

// Refuse has the server answer every sender with this code, such as 451; 0 ends
// it.
func (p *Post) Refuse(ctx context.Context, code int) error {
	type trigger struct{ ErrorCode, Probability int }
	set := map[string]trigger{"Sender": {451, 0}, "Recipient": {451, 0}, "Authentication": {451, 0}}
	if code != 0 {
		set["Recipient"] = trigger{code, 100}
	}
	body, err := json.Marshal(set)
	if err != nil {
		return err
	}
	return p.ask(ctx, http.MethodPut, "/api/v1/chaos", body, nil)
}

// A Letter is one that came.
type Letter struct {
	MessageID string
	Subject   string
	To        []struct{ Address string }
}

// Letters are all that came, the newest first. One that came twice is there
// twice.
func (p *Post) Letters(ctx context.Context) ([]Letter, error) {
	var all struct{ Messages []Letter }
	err := p.ask(ctx, http.MethodGet, "/api/v1/messages?limit=100000", nil, &all)
	return all.Messages, err
}

func (p *Post) ask(ctx context.Context, method, path string, body []byte, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+p.http+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("ask mail server %q: %w", p.name, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("ask mail server %q: %s %s answered %s", p.name, method, path, res.Status)
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		return fmt.Errorf("read the answer of mail server %q: %w", p.name, err)
	}
	return nil
}

func (p *Post) env(prefix string) []string {
	host, port, _ := net.SplitHostPort(p.smtp)
	return []string{prefix + "SMTP_HOST=" + host, prefix + "SMTP_PORT=" + port, prefix + "SMTP_SECURITY=none"}
}
