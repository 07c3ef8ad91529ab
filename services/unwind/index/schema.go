package index

// version is that of the schema and of what the columns mean. A file of another
// one is made anew.
const version = 2

// Times are in nanoseconds. place has a row for each step and agent under which a
// saga is to be found: where it stands, what went wrong last, and what turned it.
// tally counts the sagas, so that nobody has to.
const schema = `
CREATE TABLE stream (
	n    INTEGER PRIMARY KEY,
	type TEXT NOT NULL UNIQUE,
	born INTEGER NOT NULL,
	next INTEGER NOT NULL -- the first sequence that was not read
) STRICT;
CREATE TABLE saga (
	n        INTEGER PRIMARY KEY,
	stream   INTEGER NOT NULL,
	id       TEXT NOT NULL,
	status   TEXT NOT NULL,
	began    INTEGER NOT NULL,
	changed  INTEGER NOT NULL,
	deadline INTEGER,
	at       TEXT,
	attempts INTEGER NOT NULL,
	events   INTEGER NOT NULL,
	seq      INTEGER NOT NULL,
	person   INTEGER NOT NULL,
	failed   INTEGER NOT NULL,
	fate     TEXT,
	error_step TEXT, error_agent TEXT, error_class TEXT, error_code TEXT, error_message TEXT,
	turn_reason TEXT, turn_step TEXT, turn_agent TEXT, turn_class TEXT, turn_code TEXT, turn_message TEXT
) STRICT;
CREATE UNIQUE INDEX saga_id ON saga (stream, id);
CREATE INDEX saga_changed  ON saga (stream, changed);
CREATE INDEX saga_began    ON saga (stream, began);
CREATE INDEX saga_status   ON saga (stream, status, changed);
CREATE INDEX saga_deadline ON saga (stream, deadline) WHERE deadline IS NOT NULL;
CREATE INDEX saga_person   ON saga (stream, changed) WHERE person = 1;
CREATE INDEX saga_failed   ON saga (stream, changed) WHERE failed = 1;
CREATE INDEX saga_code     ON saga (stream, error_code, changed) WHERE error_code IS NOT NULL;
CREATE TABLE place (
	stream INTEGER NOT NULL,
	agent  TEXT NOT NULL,
	step   TEXT NOT NULL,
	saga   INTEGER NOT NULL,
	PRIMARY KEY (stream, agent, step, saga)
) STRICT, WITHOUT ROWID;
CREATE INDEX place_step ON place (stream, step);
CREATE INDEX place_saga ON place (saga);
CREATE TABLE tally (
	stream INTEGER NOT NULL,
	status TEXT NOT NULL,
	sagas  INTEGER NOT NULL,
	PRIMARY KEY (stream, status)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER saga_new AFTER INSERT ON saga BEGIN
	INSERT INTO tally VALUES (NEW.stream, NEW.status, 1) ON CONFLICT DO UPDATE SET sagas = sagas + 1;
END;
CREATE TRIGGER saga_turned AFTER UPDATE OF status ON saga WHEN NEW.status <> OLD.status BEGIN
	UPDATE tally SET sagas = sagas - 1 WHERE stream = OLD.stream AND status = OLD.status;
	INSERT INTO tally VALUES (NEW.stream, NEW.status, 1) ON CONFLICT DO UPDATE SET sagas = sagas + 1;
END;
`

// tables are dropped when the file is made anew.
var tables = []string{"stream", "saga", "place", "tally"}
