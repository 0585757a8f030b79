"""A right server for step 4, stretch included: the one of step 3 with users, tokens, sessions and a provider to sign in with.

    pip install psycopg2-binary argon2-cffi
    cargo run -p checker -- check 4 --stretch --command 'python3 checker/tests/servers/right_step_04.py'
"""

import base64, hashlib, hmac, http.cookies, json, os, re, secrets, sys, time, urllib.error, urllib.parse, urllib.request

import argon2, psycopg2

import right_step_03 as step_03
from right_step_03 import ANSWER, MIGRATIONS, OPENAPI, SPACE, Problem, transaction

MIGRATIONS.append(
    """DELETE FROM users WHERE id = 0 AND NOT EXISTS (SELECT FROM habits WHERE user_id = 0);
    ALTER TABLE users DROP CONSTRAINT users_email_key;
    CREATE UNIQUE INDEX one_user_per_email ON users (lower(email));
    ALTER TABLE users
        ADD name text, ADD password_hash text, ADD role text NOT NULL DEFAULT 'user', ADD subject text UNIQUE,
        ADD created_at timestamptz NOT NULL DEFAULT clock_timestamp();
    CREATE TABLE sessions (
        id_hash text PRIMARY KEY,
        user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE
    );
    CREATE TABLE refresh_tokens (
        token_hash text PRIMARY KEY,
        family uuid NOT NULL,
        user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        used boolean NOT NULL DEFAULT false
    );
    CREATE TABLE visits (state text PRIMARY KEY, verifier text NOT NULL, begun_at timestamptz NOT NULL DEFAULT now())"""
)
HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
# What is checked where there is nobody, so that it takes as long.
NOBODY = HASHER.hash(secrets.token_hex())
LIFE, PATIENCE = 3600, 2
USER = "id, email, name, role, created_at"
BEARER = {"WWW-Authenticate": "Bearer"}
PROVIDER = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_AUTHORIZE_URL", "OAUTH_TOKEN_URL", "OAUTH_USERINFO_URL")
PROVIDER = {name: os.environ.get(name) for name in PROVIDER}
PUBLIC_URL = os.environ.get("PUBLIC_URL")
CALLBACK = "/auth/oauth/callback"
ROUTES = {"/me": ("get", "delete"), "/auth/signup": ("post",), "/auth/login": ("post",)}
OPENAPI["paths"] |= {path: {method: {"responses": ANSWER} for method in methods} for path, methods in ROUTES.items()}


def secret():
    given = os.environ.get("JWT_SECRET") or ""
    if len(given.encode()) < 32:
        sys.exit("JWT_SECRET must be set to a text of at least 32 bytes")
    return given.encode()


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signature(text):
    return part(hmac.digest(SECRET, text.encode(), "sha256"))


def make_token(user):
    now = int(time.time())
    parts = {"alg": "HS256", "typ": "JWT"}, {"sub": str(user), "iat": now, "exp": now + LIFE}
    text = ".".join(part(json.dumps(one).encode()) for one in parts)
    return f"{text}.{signature(text)}"


def read_token(token):
    """The user's id, if the token is good."""
    try:
        text, signed = token.rsplit(".", 1)
        header, claims = (json.loads(base64.urlsafe_b64decode(one + "=" * (-len(one) % 4))) for one in text.split("."))
        if header["alg"] == "HS256" and hmac.compare_digest(signed, signature(text)) and time.time() < claims["exp"]:
            return int(claims["sub"])
    except (ValueError, KeyError, TypeError):
        pass
    return None


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def shown(row):
    wanted, email, name, _, created = row
    return {"id": wanted, "email": email, "name": name, "created_at": created.isoformat()}


def fits(hashed, password):
    try:
        return HASHER.verify(hashed, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


class Handler(step_03.Handler):
    def routes(self):
        oauth = {"/auth/oauth/start": {"GET": self.start}, CALLBACK: {"GET": self.callback}}
        return super().routes() | (oauth if PUBLIC_URL and all(PROVIDER.values()) else {}) | {
            "/auth/signup": {"POST": self.sign_up},
            "/auth/login": {"POST": self.log_in},
            "/auth/session": {"POST": self.begin_session, "DELETE": self.end_session},
            "/auth/refresh": {"POST": self.refresh},
            "/me": {"GET": self.me, "DELETE": self.leave},
            "/admin/users": {"GET": self.users},
        }

    def admit(self, path):
        if path.startswith(("/habits", "/me", "/admin")):
            self.owner = self.signed_in()
            if self.owner is None:
                raise Problem(401, "Sign in first.", **BEARER)

    def signed_in(self):
        if given := self.headers.get("Authorization"):
            scheme, _, token = given.partition(" ")
            return read_token(token.strip()) if scheme.lower() == "bearer" else None
        with transaction() as sql:
            sql.execute("SELECT user_id FROM sessions WHERE id_hash = %s", [digest(self.session())])
            return row[0] if (row := sql.fetchone()) else None

    def session(self):
        cookies = http.cookies.SimpleCookie(self.headers.get("Cookie", ""))
        return cookies["session"].value if "session" in cookies else ""

    def object(self):
        sent = self.json()
        if not isinstance(sent, dict):
            raise Problem(400, "The body must be an object.")
        return sent

    def sign_up(self):
        sent = self.object()
        email, password, name = sent.get("email"), sent.get("password"), sent.get("name")
        wrong = []
        email = email.strip(SPACE) if isinstance(email, str) else ""
        if len(email) > 254 or not re.fullmatch(r"[^@]+@[^@]*\.[^@]*", email):
            wrong.append(("email", "must be an e-mail address"))
        if not isinstance(password, str) or not 8 <= len(password) <= 128 or "\0" in password:
            wrong.append(("password", "must have 8 to 128 characters"))
        if not isinstance(name, str | None):
            wrong.append(("name", "must be a string"))
        if wrong:
            raise Problem(400, "Some fields are not valid.", *({"field": f, "message": m} for f, m in wrong))
        values = [email, name, HASHER.hash(password)]
        try:
            with transaction() as sql:
                sql.execute(f"INSERT INTO users (email, name, password_hash) VALUES (%s, %s, %s) RETURNING {USER}", values)
                return 201, shown(sql.fetchone())
        except psycopg2.errors.UniqueViolation:
            raise Problem(409, "The e-mail address is taken.") from None

    def known(self):
        """The id of the user whose e-mail address and password were sent."""
        sent = self.object()
        email, password = sent.get("email"), sent.get("password")
        if not isinstance(email, str) or not isinstance(password, str):
            raise Problem(400, "The body must have email and password.")
        with transaction() as sql:
            sql.execute("SELECT id, password_hash FROM users WHERE lower(email) = lower(%s)", [email.strip(SPACE)])
            wanted, hashed = sql.fetchone() or (None, None)
        if not fits(hashed or NOBODY, password) or not hashed:
            raise Problem(401, "The e-mail address or the password is wrong.")
        return wanted

    def granted(self, sql, user, family):
        token = secrets.token_urlsafe(32)
        sql.execute("INSERT INTO refresh_tokens VALUES (%s, %s, %s)", [digest(token), family, user])
        return 200, {"access_token": make_token(user), "token_type": "Bearer", "expires_in": LIFE, "refresh_token": token}

    def log_in(self):
        user = self.known()
        with transaction() as sql:
            return self.granted(sql, user, str(step_03.uuid.uuid4()))

    def refresh(self):
        token = self.object().get("refresh_token")
        if not isinstance(token, str):
            raise Problem(400, "The body must have refresh_token.")
        with transaction() as sql:
            sql.execute("UPDATE refresh_tokens SET used = true WHERE token_hash = %s AND NOT used RETURNING user_id, family", [digest(token)])
            if row := sql.fetchone():
                return self.granted(sql, *row)
            family = "SELECT family FROM refresh_tokens WHERE token_hash = %s"
            sql.execute(f"UPDATE refresh_tokens SET used = true WHERE family IN ({family})", [digest(token)])
        raise Problem(401, "The refresh token is not valid.")

    def begin_session(self):
        user, session = self.known(), secrets.token_urlsafe(32)
        with transaction() as sql:
            sql.execute("INSERT INTO sessions VALUES (%s, %s)", [digest(session), user])
        return 204, b"", "", {"Set-Cookie": f"session={session}; HttpOnly; Secure; SameSite=Lax; Path=/"}

    def end_session(self):
        with transaction() as sql:
            sql.execute("DELETE FROM sessions WHERE id_hash = %s", [digest(self.session())])
        return 204, b"", "", {"Set-Cookie": "session=; HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=0"}

    def row(self, sql):
        sql.execute(f"SELECT {USER} FROM users WHERE id = %s", [self.owner])
        if row := sql.fetchone():
            return row
        raise Problem(401, "Sign in first.", **BEARER)

    def me(self):
        with transaction() as sql:
            return 200, shown(self.row(sql))

    def leave(self):
        with transaction() as sql:
            self.row(sql)
            sql.execute("DELETE FROM users WHERE id = %s", [self.owner])
        return 204, b""

    def users(self):
        with transaction() as sql:
            if self.row(sql)[3] != "admin":
                raise Problem(403, "This is for admins.")
            sql.execute(f"SELECT {USER} FROM users ORDER BY id")
            return 200, [shown(row) | {"role": row[3]} for row in sql.fetchall()]

    def insert(self, sql, sent):
        try:
            return super().insert(sql, sent)
        except psycopg2.errors.ForeignKeyViolation:
            raise Problem(401, "Sign in first.", **BEARER) from None

    def start(self):
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        with transaction() as sql:
            sql.execute("INSERT INTO visits VALUES (%s, %s)", [state, verifier])
        query = {
            "response_type": "code", "client_id": PROVIDER["OAUTH_CLIENT_ID"], "redirect_uri": PUBLIC_URL + CALLBACK,
            "scope": "openid email profile", "state": state,
            "code_challenge": part(hashlib.sha256(verifier.encode()).digest()), "code_challenge_method": "S256",
        }
        return 302, b"", "", {"Location": f"{PROVIDER['OAUTH_AUTHORIZE_URL']}?{urllib.parse.urlencode(query)}"}

    def callback(self):
        sent = self.parameters()
        with transaction() as sql:
            sql.execute("DELETE FROM visits WHERE state = %s RETURNING verifier", [sent.get("state", "")])
            visit = sql.fetchone()
        if not visit or "code" not in sent:
            raise Problem(400, "The sign-in did not begin here, or was denied.")
        form = {
            "grant_type": "authorization_code", "code": sent["code"], "redirect_uri": PUBLIC_URL + CALLBACK,
            "client_id": PROVIDER["OAUTH_CLIENT_ID"], "client_secret": PROVIDER["OAUTH_CLIENT_SECRET"], "code_verifier": visit[0],
        }
        try:
            with urllib.request.urlopen(PROVIDER["OAUTH_TOKEN_URL"], urllib.parse.urlencode(form).encode(), PATIENCE) as answer:
                token = json.load(answer)["access_token"]
            asked = urllib.request.Request(PROVIDER["OAUTH_USERINFO_URL"], headers={"Authorization": f"Bearer {token}"})
            with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
                person = json.load(answer)
        except (OSError, ValueError, KeyError) as error:
            sys.stderr.write(f"{self.request_id} {error}\n")
            raise Problem(502, "The provider does not answer as it should.") from None
        with transaction() as sql:
            sql.execute("SELECT id FROM users WHERE subject = %s", [person["sub"]])
            row = sql.fetchone()
            if not row:
                change = "DO UPDATE SET subject = excluded.subject" if person.get("email_verified") is True else "DO NOTHING"
                values = [person["email"], person.get("name"), person["sub"]]
                sql.execute(f"INSERT INTO users (email, name, subject) VALUES (%s, %s, %s) ON CONFLICT (lower(email)) {change} RETURNING id", values)
                row = sql.fetchone()
            if not row:
                raise Problem(403, "This e-mail address belongs to somebody, and the provider has not verified it.")
            return self.granted(sql, row[0], str(step_03.uuid.uuid4()))


if __name__ == "__main__":
    SECRET = secret()
    given = [name for name, value in PROVIDER.items() if value]
    if missing := [name for name, value in {**PROVIDER, "PUBLIC_URL": PUBLIC_URL}.items() if given and not value]:
        sys.exit(f"{missing[0]} must be set where {given[0]} is")
    step_03.serve(Handler)
