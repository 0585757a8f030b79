-- Users of a provider (its subject), and who they are here.
CREATE TABLE oauth_accounts (
    subject TEXT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX oauth_accounts_owner_idx ON oauth_accounts (user_id);

-- Who was sent to the provider and has not come back.
CREATE TABLE oauth_attempts (
    state_hash BYTEA PRIMARY KEY,
    code_verifier TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX oauth_attempts_expiry_idx ON oauth_attempts (expires_at);
