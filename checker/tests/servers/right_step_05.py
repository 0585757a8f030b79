"""A right server for step 5, stretch included: the one of step 4 with strict input, timeouts, limits, and a driver that sends
parameters apart from the text (psycopg 2 does not).

    pip install 'psycopg[binary]' argon2-cffi
    cargo run -p checker -- check 5 --stretch --command 'python3 checker/tests/servers/right_step_05.py'
"""

import concurrent.futures, contextlib, json, os, queue, re, sys, threading, time, traceback

import psycopg

sys.modules["psycopg2"] = psycopg
import right_step_03 as step_03
from right_step_03 import Problem, database_url, day, today

IDLE, MOST = queue.LifoQueue(), 10
LARGEST, LARGEST_IMPORT = 64 * 1024, 1024 * 1024
CONTROLS = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0)]))
OF_A_HABIT = {"name", "description", "completed_today"}
WORKERS = concurrent.futures.ThreadPoolExecutor(400)
CORS = {"Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE", "Access-Control-Allow-Headers": "authorization, content-type"}


@contextlib.contextmanager
def transaction():
    """A cursor; what it did is committed at the end, or rolled back if that is an error."""
    try:
        connection = IDLE.get_nowait()
    except queue.Empty:
        connection = psycopg.connect(database_url(), connect_timeout=2, prepare_threshold=None)
    try:
        with connection.transaction(), connection.cursor() as cursor:
            yield cursor
    finally:
        if connection.closed or connection.broken or IDLE.qsize() >= MOST:
            connection.close()
        else:
            IDLE.put(connection)


step_03.transaction = transaction
import right_step_04 as step_04


def number(name, default):
    given = os.environ.get(name) or default
    if not re.fullmatch("[0-9]{1,9}", given):
        sys.exit(f"{name} must be a number, not {given!r}")
    return int(given)


PATIENCE = number("REQUEST_TIMEOUT_MS", "5000") / 1000
PER_MINUTE = number("RATE_LIMIT_PER_MINUTE", "0")
ORIGINS = set(filter(None, (os.environ.get("CORS_ALLOWED_ORIGINS") or "").split(",")))
SEEN, LOCK = {}, threading.Lock()


def strict(sent, known, texts):
    """What is wrong with the keys of an object, and with the characters of its texts."""
    wrong = [(field, "is not known") for field in sent if field not in known]
    for field, allowed in texts.items():
        if isinstance(text := sent.get(field), str) and any(c in CONTROLS and c not in allowed for c in text.strip(step_03.SPACE)):
            wrong.append((field, "must not hold control characters"))
    return [{"field": field, "message": message} for field, message in wrong]


def refuse(wrong):
    if wrong:
        raise Problem(400, "Some fields are not valid.", *wrong)


loose = step_03.validated


def validated(sent, required, known=OF_A_HABIT):
    refuse(strict(sent, known, {"name": "", "description": "\n\t"}))
    return loose(sent, required)


step_03.validated = validated


def past(text, field):
    one = day(text, field)
    if one > today():
        refuse([{"field": field, "message": "is in the future"}])
    return one


class Handler(step_04.Handler):
    def handle_request(self):
        length = self.headers.get("Content-Length") or "0"
        most = LARGEST_IMPORT if self.path.endswith("/import") else LARGEST
        self.too_large = not length.isdigit() or int(length) > most
        if self.too_large:
            # What is not read ends with the connection.
            self.headers.replace_header("Content-Length", "0")
            self.close_connection = True
        super().handle_request()

    def caught(self, path):
        if self.too_large:
            raise Problem(413, "The body is too large.")
        if path.startswith("/auth/") and self.command != "OPTIONS":
            self.count()
        work = WORKERS.submit(self.answered, path)
        try:
            return work.result(PATIENCE)
        except concurrent.futures.TimeoutError:
            sys.stderr.write(f"{self.request_id} timed out\n")
            raise Problem(503, "This took too long.") from None

    def answered(self, path):
        try:
            return self.route(path)
        except psycopg.errors.UniqueViolation as error:
            if error.diag.constraint_name != "one_name_per_user":
                raise
            raise Problem(409, "The name is taken.", {"field": "name", "message": "is taken by another habit"}) from None
        except psycopg.errors.ForeignKeyViolation:
            raise Problem(404, "There is no such habit.") from None
        except psycopg.Error:
            sys.stderr.write(f"ERROR {self.request_id} failed\n{traceback.format_exc()}")
            raise Problem(503, "Try again later.") from None

    def count(self):
        with LOCK:
            now, client = time.monotonic(), self.client_address[0]
            SEEN[client] = [at for at in SEEN.get(client, []) if now - at < 60]
            if PER_MINUTE and len(SEEN[client]) >= PER_MINUTE:
                raise Problem(429, "These are too many attempts.", **{"Retry-After": str(60 - int(now - SEEN[client][0]))})
            SEEN[client].append(now)

    def version_string(self):
        return "habits"

    def end_headers(self):
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Frame-Options", "DENY")
        origin = self.headers.get("Origin")
        if origin in ORIGINS:
            for name, value in {"Access-Control-Allow-Origin": origin, "Vary": "Origin", **CORS}.items():
                self.send_header(name, value)
        super().end_headers()

    def route(self, path):
        try:
            return super().route(path)
        except Problem as problem:
            if problem.detail == "A habit's id is an integer." and not re.fullmatch("-?[0-9]+", path.split("/")[2]):
                refuse([{"field": "id", "message": "must be an integer"}])
            raise

    def json(self):
        sent = super().json()
        try:
            json.dumps(sent, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise Problem(400, "The body holds what is no text.") from None
        return sent

    def import_all(self):
        sent = self.json()
        if not isinstance(sent, list) or not all(isinstance(item, dict) for item in sent):
            raise Problem(400, "The body must be an array of objects.")
        habits, wrong = [], []
        for place, item in enumerate(sent):
            try:
                days = item.pop("completions", [])
                days = {past(text, "completions") for text in (days if isinstance(days, list) else [None])}
                habits.append((validated(item, True, {"name", "description"}), days))
            except Problem as problem:
                wrong += ({**error, "field": f"{place}.{error['field']}"} for error in problem.errors)
        refuse(wrong)
        return self.stored(habits)

    def stored(self, sent):
        """What is left of the import of step 3, after every habit was looked at."""
        if len(sent) > step_03.IMPORTED_AT_MOST:
            raise Problem(400, "These are too many habits.")
        with transaction() as sql:
            # Two imports with the same names in another order must not wait for each other.
            sql.execute("SELECT pg_advisory_xact_lock(20260201)")
            new = []
            for item, days in sent:
                new.append(self.insert(sql, item))
                for one in sorted(days):
                    sql.execute("INSERT INTO completions VALUES (%s, %s)", [new[-1], one])
            return 201, [self.find(sql, wanted) for wanted in new]

    def completions(self, wanted):
        given = self.parameters()
        if {"from", "to"} <= given.keys() and day(given["from"], "from") > day(given["to"], "to"):
            refuse([{"field": "from", "message": "must not be after to"}])
        return super().completions(wanted)

    def complete(self, wanted, one):
        past(str(one), "date")
        return super().complete(wanted, one)

    def object(self):
        sent = super().object()
        known = {"/auth/signup": {"email", "password", "name"}, "/auth/refresh": {"refresh_token"}}
        wrong = strict(sent, known.get(self.path.removeprefix("/v1"), {"email", "password"}), {"email": "", "name": ""})
        wrong += [
            {"field": field, "message": "must be a string"}
            for field in ("email", "password")
            if not isinstance(sent.get(field, ""), str) or "\0" in sent.get(field, "")
        ]
        refuse(wrong)
        return sent


if __name__ == "__main__":
    step_04.SECRET = step_04.secret()
    given = [name for name, value in step_04.PROVIDER.items() if value]
    if missing := [name for name, value in {**step_04.PROVIDER, "PUBLIC_URL": step_04.PUBLIC_URL}.items() if given and not value]:
        sys.exit(f"{missing[0]} must be set where {given[0]} is")
    step_03.serve(Handler)
