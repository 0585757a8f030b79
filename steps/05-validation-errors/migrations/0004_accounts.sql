-- What an account needs besides its e-mail address. Who signs in with a provider has no password.
ALTER TABLE users
    ADD COLUMN name TEXT,
    ADD COLUMN password_hash TEXT,
    ADD COLUMN role TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin'));

-- The built-in user cannot sign in, so it stays only where habits from before depend on it.
DELETE FROM users
WHERE id = 0 AND NOT EXISTS (SELECT FROM habits WHERE user_id = users.id);
