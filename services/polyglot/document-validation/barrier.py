"""What was done, by idempotency key, so that each effect happens once.

The key and the effect are written in one transaction of SQLite. A call that comes
twice gets its first answer, forward and back. A key that was compensated stays dead, also when the
compensation came first: whoever is late does nothing any more.
"""

import json
import sqlite3

SCHEMA = """
CREATE TABLE IF NOT EXISTS barrier (
    key    TEXT PRIMARY KEY,
    state  TEXT NOT NULL CHECK (state IN ('done', 'dead')),
    answer TEXT NOT NULL -- to what was asked last
) STRICT;
"""


class Barrier:
    """A SQLite file with the caller's own tables beside the keys."""

    def __init__(self, path, schema):
        self.path = path
        db = self._connect()
        db.executescript("PRAGMA journal_mode = WAL;" + SCHEMA + schema)
        db.close()

    def _connect(self):
        # Each call has a connection of its own: threads share none. In WAL mode a
        # weaker sync would lose the last commits with the power.
        db = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        db.execute("PRAGMA synchronous = FULL")
        return db

    def perform(self, key, effect):
        """Run effect(db), once for each key, and return its answer.

        An effect that raises has left nothing.
        """
        with Transaction(self._connect()) as db:
            row = db.execute("SELECT state, answer FROM barrier WHERE key = ?", [key]).fetchone()
            if row:
                state, answer = row
                return json.loads(answer) if state == "done" else {"outcome": "dead"}
            answer = effect(db)
            db.execute("INSERT INTO barrier VALUES (?, 'done', ?)", [key, json.dumps(answer)])
            return answer

    def compensate(self, key, effect):
        """Run effect(db) if what the key stands for was done; the key is dead then."""
        with Transaction(self._connect()) as db:
            state, answer = db.execute("SELECT state, answer FROM barrier WHERE key = ?", [key]).fetchone() or (None, None)
            if state == "dead":
                return json.loads(answer)
            if state == "done":
                effect(db)
            answer = {"outcome": "completed" if state == "done" else "nothing"}
            db.execute("INSERT OR REPLACE INTO barrier VALUES (?, 'dead', ?)", [key, json.dumps(answer)])
            return answer


class Transaction:
    """One transaction that has the write lock from its beginning."""

    def __init__(self, db):
        self.db = db

    def __enter__(self):
        self.db.execute("BEGIN IMMEDIATE")
        return self.db

    def __exit__(self, kind, *_):
        try:
            self.db.execute("ROLLBACK" if kind else "COMMIT")
        finally:
            self.db.close()
