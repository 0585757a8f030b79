-- One login, and all refresh tokens that follow from it. They end with it.
CREATE TABLE refresh_families (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX refresh_families_owner_idx ON refresh_families (user_id);

-- Those that were used stay, so that a second use is noticed.
CREATE TABLE refresh_tokens (
    token_hash BYTEA PRIMARY KEY,
    family_id BIGINT NOT NULL REFERENCES refresh_families (id) ON DELETE CASCADE,
    used BOOLEAN NOT NULL DEFAULT false
);

CREATE INDEX refresh_tokens_family_idx ON refresh_tokens (family_id);
