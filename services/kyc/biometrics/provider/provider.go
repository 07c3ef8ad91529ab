package provider

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // registers the driver

	"github.com/unwind-saga/unwind/services/kyc/biometrics"
)

// Comparer says how alike two faces are, from 0 to 1. The template is whatever
// it would keep of the face. Images in which it finds no face are an error, and
// the client's fault.
type Comparer interface {
	Compare(portrait, selfie []byte) (similarity float64, template []byte, err error)
}

// Config is optional.
type Config struct {
	Threshold float64 // the similarity from which on faces match; 0: 0.5
}

// Provider is the service behind the HTTP handler.
type Provider struct {
	db       *sql.DB
	comparer Comparer
	config   Config
	faults   faults
	working  sync.Mutex // one comparison at a time: two with one key must not both be the first
}

// A comparison's row stays when its template is forgotten: the key's answer must
// stay the same.
const schema = `CREATE TABLE IF NOT EXISTS comparison (
	seq      INTEGER PRIMARY KEY,
	id       TEXT NOT NULL UNIQUE,
	key      TEXT NOT NULL UNIQUE,
	images   BLOB NOT NULL,
	answer   BLOB NOT NULL,
	template BLOB,
	kept     INTEGER NOT NULL DEFAULT 1,
	created  INTEGER NOT NULL
) STRICT`

// Open opens the provider's file and makes it if need be.
func Open(path string, comparer Comparer, config Config) (*Provider, error) {
	config.Threshold = cmp.Or(config.Threshold, 0.5)
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open face provider %s: %w", path, err)
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: abs}).String()+
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open face provider %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(schema); err != nil {
		return nil, errors.Join(fmt.Errorf("open face provider %s: %w", path, err), db.Close())
	}
	return &Provider{db: db, comparer: comparer, config: config}, nil
}

// Close closes the file.
func (p *Provider) Close() error { return p.db.Close() }

// Fail sets what is to fail from now on.
func (p *Provider) Fail(f Fault) error {
	f.Mode = cmp.Or(f.Mode, Sound)
	if err := f.check(); err != nil {
		return err
	}
	p.faults.put(f)
	return nil
}

// Fault is what fails now: [Sound] again when it has failed as often as it was to.
func (p *Provider) Fault() Fault { return p.faults.get() }

var (
	errOtherImages = errors.New("the key was used with other images")
	errImages      = errors.New("the images cannot be compared")
	errNothing     = errors.New("there is nothing with this id")
)

// compare answers as JSON. The answer to a key is given once and then repeated.
func (p *Provider) compare(ctx context.Context, key string, portrait, selfie []byte) (answer []byte, err error) {
	p.working.Lock()
	defer p.working.Unlock()
	images := digest(portrait, selfie)
	var was []byte
	err = p.db.QueryRowContext(ctx, `SELECT answer, images FROM comparison WHERE key = ?`, key).Scan(&answer, &was)
	switch {
	case err == nil && string(was) != string(images):
		return nil, errOtherImages
	case err == nil:
		return answer, nil
	case !errors.Is(err, sql.ErrNoRows):
		return nil, err
	}
	similarity, template, err := p.comparer.Compare(portrait, selfie)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errImages, err)
	}
	c := biometrics.Comparison{ID: rand.Text(), Similarity: similarity, Match: similarity >= p.config.Threshold}
	if answer, err = json.Marshal(c); err != nil {
		return nil, err
	}
	_, err = p.db.ExecContext(ctx, `INSERT INTO comparison (id, key, images, answer, template, created) VALUES (?, ?, ?, ?, ?, ?)`,
		c.ID, key, images, answer, template, time.Now().UnixMilli())
	return answer, err
}

func digest(portrait, selfie []byte) []byte {
	a, b := sha256.Sum256(portrait), sha256.Sum256(selfie)
	return append(a[:], b[:]...)
}

func (p *Provider) forget(ctx context.Context, id string) error {
	r, err := p.db.ExecContext(ctx, `UPDATE comparison SET kept = 0, template = NULL WHERE id = ? AND kept = 1`, id)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return cmp.Or(err, errNothing)
	}
	return nil
}

func (p *Provider) list(ctx context.Context) ([]biometrics.Kept, error) {
	rows, err := p.db.QueryContext(ctx, `SELECT id, key, created FROM comparison WHERE kept = 1 ORDER BY seq`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below has what it would say
	all := []biometrics.Kept{}
	for rows.Next() {
		var k biometrics.Kept
		var created int64
		if err := rows.Scan(&k.ID, &k.Key, &created); err != nil {
			return nil, err
		}
		k.Created = time.UnixMilli(created).UTC()
		all = append(all, k)
	}
	return all, rows.Err()
}
