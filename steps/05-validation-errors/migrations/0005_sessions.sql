-- Who is signed in with a cookie. Only a hash of the session's id is here, so that a stolen copy of
-- this table signs nobody in.
CREATE TABLE sessions (
    id_hash BYTEA PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX sessions_owner_idx ON sessions (user_id);
