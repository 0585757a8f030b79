-- The days on which habits were done. The primary key allows each day once per habit.
CREATE TABLE completions (
    habit_id BIGINT NOT NULL REFERENCES habits (id) ON DELETE CASCADE,
    completed_on DATE NOT NULL,
    PRIMARY KEY (habit_id, completed_on)
);
