"""The step document-validation of the KYC saga, in Python.

It judges a passport and enters it into a register, so that one passport serves one
applicant; undone, it takes it out again. It speaks HTTP with its sidecar, `unwind
agent run`, and knows nothing of NATS. It is smaller than its namesake in
services/kyc: it does not know which states there are.

Standard library only. The environment: DOCUMENT_PORT, KYC_STATE (a folder), and
DOCUMENT_TAKES, how long it sits over a passport that is entered, in seconds, for those
who want to see it die there.
"""

import datetime
import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from barrier import Barrier

MINIMUM_AGE = 18
PAUSE = float(os.environ.get("DOCUMENT_TAKES", "0"))

REGISTER = """
CREATE TABLE IF NOT EXISTS register (
    issuer  TEXT NOT NULL,
    number  TEXT NOT NULL,
    used_by TEXT NOT NULL,
    PRIMARY KEY (issuer, number)
) STRICT;
"""


class Refusal(Exception):
    """The passport is not acceptable: nobody tries again, the saga turns back."""

    code = "bad_document"


def judge(document, today):
    """List what is wrong with a passport. An X stands for what its zone leaves open."""
    findings = []

    def find(code, severity, field, detail):
        findings.append({"code": code, "severity": severity, "field": field, "detail": detail})

    birth, expiry = document["birth"], document["expiry"]
    if "X" in birth:
        find("birth-incomplete", "review", "birth", f"the date of birth is not fully known: {birth}")
    # Doubt never makes an applicant of age: what is unknown is as late as can be.
    latest = birth.replace("XX-XX", "12-31").replace("-XX", "-28")
    if latest.startswith("X") or age(datetime.date.fromisoformat(latest), today) < MINIMUM_AGE:
        find("underage", "refuse", "birth", f"born {birth}, want {MINIMUM_AGE} years")
    if "X" in expiry or datetime.date.fromisoformat(expiry) < today:
        find("expired", "refuse", "expiry", f"expired on {expiry}")
    for check in document.get("checks", []):
        empty = check["field"] == "optional data" and check["printed"] == "<" and check["computed"] == "0"
        if check["printed"] != check["computed"] and not empty:
            find("check-digit", "refuse", check["field"], f"the check digit is {check['printed']} and should be {check['computed']}")
    if document.get("maybe_truncated"):
        find("name-truncated", "review", "name", "the name fills its field and may be cut off")
    return findings


def age(birth, today):
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))


class Agent:
    """The work, and how it is undone."""

    def __init__(self, path):
        self.barrier = Barrier(path, REGISTER)

    def perform(self, call, saga, key):
        document = call["results"]["id-extraction"]
        findings = judge(document, datetime.datetime.now(datetime.timezone.utc).date())
        refused = [f["detail"] for f in findings if f["severity"] == "refuse"]
        if refused:
            raise Refusal(f"passport {document['number']} of {document['issuer']}: {'; '.join(refused)}")
        issuer, number = document["issuer"], document["number"]

        def enter(db):
            db.execute("INSERT OR IGNORE INTO register VALUES (?, ?, ?)", [issuer, number, saga])
            [used_by] = db.execute("SELECT used_by FROM register WHERE issuer = ? AND number = ?", [issuer, number]).fetchone()
            if used_by != saga:
                raise Refusal(f"passport {number} of {issuer} serves another application: {used_by}")
            return {"outcome": "completed", "data": {"findings": findings}, "undo": {"issuer": issuer, "number": number}}

        answer = self.barrier.perform(key, enter)
        time.sleep(PAUSE)  # whatever goes wrong now, the passport is entered
        return answer

    def compensate(self, call, saga, key):
        # By the saga, and not by the token: there is none where nobody knows what
        # came of the call.
        return self.barrier.compensate(call["of"], lambda db: db.execute("DELETE FROM register WHERE used_by = ?", [saga]))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        try:
            call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            work = {"/perform": self.server.agent.perform, "/compensate": self.server.agent.compensate}[self.path]
            answer = work(call, self.headers["ce-subject"], self.headers["Idempotency-Key"])
        except Refusal as refusal:
            answer = {"outcome": "refused", "error": {"code": refusal.code, "message": str(refusal)}}
        except Exception as failure:  # it is tried again
            answer = {"outcome": "retry", "error": {"code": type(failure).__name__.lower(), "message": str(failure)}}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass  # the sidecar logs


class Server(ThreadingHTTPServer):
    daemon_threads = False  # who is told to stop finishes what is under way
    request_queue_size = 128


def main():
    state = os.environ.get("KYC_STATE", "state")
    os.makedirs(state, exist_ok=True)
    server = Server(("127.0.0.1", int(os.environ.get("DOCUMENT_PORT", "8085"))), Handler)
    server.agent = Agent(os.path.join(state, "document-validation.db"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
