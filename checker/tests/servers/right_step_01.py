"""A right server for step 1, stretch included, in Python's standard library: any language may be graded.

    cargo run -p checker -- check 1 --stretch --command 'python3 checker/tests/servers/right_step_01.py'
"""

import itertools, json, os, re, threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HABITS, IDS, LOCK = {}, itertools.count(1), threading.Lock()
DEFAULTS = {"description": None, "completed_today": False}
FIELDS = ("name", *DEFAULTS)
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


class Handler(BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

    def answer(self, status, body=b"", kind="application/json", **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_request(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, method = self.path.partition("?")[0], self.command
        if (method, path) == ("GET", "/docs"):
            return self.answer(200, DOCS.encode(), "text/html; charset=utf-8")
        if (method, path) == ("GET", "/openapi.json"):
            return self.answer(200, OPENAPI)
        one = re.fullmatch(r"/habits/([0-9]+)", path)
        if path != "/habits" and not one:
            return self.answer(404, {"error": "no such route"})
        try:
            sent = json.loads(sent) if method in ("POST", "PUT", "PATCH") else {}
            sent = {field: sent[field] for field in FIELDS if field in sent}
        except (ValueError, TypeError):
            return self.answer(400, {"error": "the body is not a JSON object"})
        if method in ("POST", "PUT") and "name" not in sent:
            return self.answer(400, {"error": "name is missing"})
        with LOCK:
            return self.one(method, int(one[1]), sent) if one else self.all(method, sent)

    def all(self, method, sent):
        if method == "GET":
            return self.answer(200, list(HABITS.values()))
        if method != "POST":
            return self.answer(405, {"error": "no such method"}, Allow="GET, POST")
        new, now = next(IDS), datetime.now(timezone.utc).isoformat()
        HABITS[new] = {"id": new, **DEFAULTS, **sent, "completed_today": False, "created_at": now}
        return self.answer(201, HABITS[new], Location=f"/habits/{new}")

    def one(self, method, wanted, sent):
        if wanted not in HABITS:
            return self.answer(404, {"error": "no such habit"})
        if method == "DELETE":
            del HABITS[wanted]
            return self.answer(204)
        if method in ("PATCH", "PUT"):
            HABITS[wanted] |= sent if method == "PATCH" else DEFAULTS | sent
        elif method != "GET":
            return self.answer(405, {"error": "no such method"}, Allow="GET, PATCH, PUT, DELETE")
        return self.answer(200, HABITS[wanted])

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request


ThreadingHTTPServer.request_queue_size = 128
ADDRESS = os.environ.get("HOST") or "127.0.0.1", int(os.environ.get("PORT") or 8000)
ThreadingHTTPServer(ADDRESS, Handler).serve_forever()
