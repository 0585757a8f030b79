"""A right server for step 2, stretch included, in Python's standard library: any language may be graded.

    cargo run -p checker -- check 2 --stretch --command 'python3 checker/tests/servers/right_step_02.py'
"""

import gzip, itertools, json, os, re, sys, threading, time, uuid
from datetime import datetime, timezone
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HABITS, IDS, LOCK = {}, itertools.count(1), threading.Lock()
DEFAULTS = {"description": None, "completed_today": False}
ANSWER = {"200": {"description": "OK"}}
BY_ID = [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}]
OPENAPI = {
    "openapi": "3.1.0",
    "info": {"title": "Habits", "version": "1.0.0"},
    "paths": {
        "/habits": {method: {"responses": ANSWER} for method in ("get", "post")},
        "/habits/{id}": {
            "parameters": BY_ID,
            **{method: {"responses": ANSWER} for method in ("get", "patch", "put", "delete")},
        },
    },
}
DOCS = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Habits</title><h1>Habits</h1>
<form id="call"><select name="method"><option>GET<option>POST<option>PATCH<option>PUT<option>DELETE</select>
<input name="path" value="/habits"><textarea name="body"></textarea><button>Send</button></form><pre id="answer"></pre>
<script>
call.onsubmit = async (event) => {
  event.preventDefault();
  const {method, path, body} = Object.fromEntries(new FormData(call));
  const headers = body ? {"Content-Type": "application/json"} : {};
  const answered = await fetch(path, {method, headers, body: body || undefined});
  answer.textContent = answered.status + "\\n" + await answered.text();
};
</script></html>"""
# The code points with Unicode's White_Space property; str.strip() alone would take U+001C–001F too.
SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


class Problem(Exception):
    """Ends a request with problem details (RFC 9457)."""

    def __init__(self, status, detail, *errors, **headers):
        self.status, self.detail, self.errors, self.headers = status, detail, errors, headers


def refuse_constant(_):
    raise ValueError("NaN and Infinity are no JSON")


def validated(sent, required):
    """The known fields of a body, the name trimmed; or a Problem that names every field that is wrong."""
    fields = {field: sent[field] for field in ("name", *DEFAULTS) if field in sent}
    wrong = []
    if isinstance(name := fields.get("name"), str):
        fields["name"] = name = name.strip(SPACE)
        if not 1 <= len(name) <= 100:
            wrong.append(("name", "must have 1 to 100 characters"))
    elif required or "name" in fields:
        wrong.append(("name", "must be a string"))
    description = fields.get("description")
    if not isinstance(description, str | None):
        wrong.append(("description", "must be a string or null"))
    elif description and len(description) > 500:
        wrong.append(("description", "must have at most 500 characters"))
    if not isinstance(fields.get("completed_today", False), bool):
        wrong.append(("completed_today", "must be true or false"))
    if wrong:
        raise Problem(400, "Some fields are not valid.", *({"field": f, "message": m} for f, m in wrong))
    return fields


class Handler(BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.handle_request
        raise AttributeError(name)

    def handle_request(self):
        started = time.monotonic()
        given = self.headers.get("X-Request-Id", "")
        self.request_id = given if re.fullmatch(r"[A-Za-z0-9._-]{1,128}", given) else str(uuid.uuid4())
        self.sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            answer = self.route(self.path.partition("?")[0].removeprefix("/v1"))
        except Problem as problem:
            answer = problem.status, self.details(problem), "application/problem+json", problem.headers
        status = self.send(*answer)
        spent = (time.monotonic() - started) * 1000
        line = f"{self.command} {self.path} status={status} latency={spent:.2f}ms request_id={self.request_id}"
        # One write, so that lines of parallel requests do not mix.
        sys.stdout.write(f"{datetime.now(timezone.utc).isoformat()} INFO {line}\n")
        sys.stdout.flush()

    def log_request(self, *_):
        """The one line of handle_request is enough."""

    def details(self, problem):
        title = HTTPStatus(problem.status).phrase
        body = {"type": "about:blank", "title": title, "status": problem.status, "detail": problem.detail}
        return body | ({"errors": problem.errors} if problem.errors else {})

    def send(self, status, body=b"", kind="application/json", headers={}):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("X-Request-Id", self.request_id)
        for name, value in headers.items():
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", kind)
            self.send_header("Vary", "Accept-Encoding")
            if len(body) >= 256 and self.takes_gzip():
                body = gzip.compress(body)
                self.send_header("Content-Encoding", "gzip")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        return status

    def takes_gzip(self):
        for coding in self.headers.get("Accept-Encoding", "").split(","):
            name, _, weight = coding.replace(" ", "").lower().partition(";q=")
            if name in ("gzip", "*"):
                return not re.fullmatch(r"0(\.0*)?", weight)
        return False

    def route(self, path):
        one = re.fullmatch(r"/habits/([^/]+)", path)
        fixed = {"/docs": self.docs, "/openapi.json": self.openapi}
        collection = {"GET": self.list, "POST": self.create}
        member = {"GET": self.read, "PATCH": self.patch, "PUT": self.replace, "DELETE": self.delete}
        if path not in fixed and path != "/habits" and not one:
            raise Problem(404, "There is no such route.")
        methods = member if one else collection if path == "/habits" else {"GET": fixed[path]}
        allowed = ", ".join(["HEAD", "OPTIONS", *methods])
        if self.command == "OPTIONS":
            return 204, b"", "", {"Allow": allowed}
        handler = methods.get("GET" if self.command == "HEAD" else self.command)
        if not handler:
            raise Problem(405, "This route has no such method.", Allow=allowed)
        if not one:
            return handler()
        if not re.fullmatch(r"[0-9]{1,19}", one[1]):
            raise Problem(404, "A habit's id is an integer.")
        return handler(int(one[1]))

    def body(self, required=True):
        if self.headers.get_content_type() != "application/json" or "Content-Type" not in self.headers:
            raise Problem(415, "The body must be application/json.")
        try:
            sent = json.loads(self.sent.decode(), parse_constant=refuse_constant)
        except (ValueError, RecursionError):
            raise Problem(400, "The body is not JSON.") from None
        if not isinstance(sent, dict):
            raise Problem(400, "The body must be an object.")
        return validated(sent, required)

    def find(self, wanted):
        if wanted not in HABITS:
            raise Problem(404, "There is no such habit.")
        return HABITS[wanted]

    def docs(self):
        return 200, DOCS.encode(), "text/html; charset=utf-8"

    def openapi(self):
        return 200, OPENAPI

    def list(self):
        with LOCK:
            return 200, list(HABITS.values())

    def create(self):
        sent = self.body()
        with LOCK:
            new, now = next(IDS), datetime.now(timezone.utc).isoformat()
            HABITS[new] = {"id": new, **DEFAULTS, **sent, "completed_today": False, "created_at": now}
        return 201, HABITS[new], "application/json", {"Location": f"/habits/{new}"}

    def read(self, wanted):
        return 200, self.find(wanted)

    def patch(self, wanted):
        sent = self.body(required=False)
        with LOCK:
            HABITS[wanted] = self.find(wanted) | sent
            return 200, HABITS[wanted]

    def replace(self, wanted):
        sent = self.body()
        with LOCK:
            HABITS[wanted] = self.find(wanted) | DEFAULTS | sent
            return 200, HABITS[wanted]

    def delete(self, wanted):
        with LOCK:
            self.find(wanted)
            del HABITS[wanted]
        return 204, b""


def port():
    given = os.environ.get("PORT") or "8000"
    if not re.fullmatch(r"[0-9]{1,5}", given) or not 0 <= int(given) <= 65535:
        sys.exit(f"PORT must be a port number, not {given!r}")
    return int(given)


ThreadingHTTPServer.request_queue_size = 128
ThreadingHTTPServer((os.environ.get("HOST") or "127.0.0.1", port()), Handler).serve_forever()
