//! Wrong tables, keys, constraints and indexes below a server whose responses are correct.

use crate::api::routes::deletes;
use crate::database::UPSTREAM_SCHEMA;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [tables(), keys(), cascades(), constraints(), indexes()].into_iter().flatten().collect()
}

fn tables() -> Vec<Sabotage> {
    vec![
        wrong("column-email-is-mail", &["3.tables"], "The column users.email is called mail.")
            .alter_tables("ALTER TABLE users RENAME COLUMN email TO mail"),
        wrong("column-completed-on-is-day", &["3.tables"], "The column completions.completed_on is called day.")
            .mirror_tables(mirror(|name| if name == "completed_on" { "day" } else { name })),
        wrong("column-user-id-is-owner", &["3.tables"], "The column habits.user_id is called owner.")
            .mirror_tables(mirror(|name| if name == "user_id" { "owner" } else { name })),
        wrong("table-users-is-accounts", &["3.tables"], "The table users is called accounts.")
            .mirror_tables(mirror(|name| if name == "users" { "accounts" } else { name })),
        wrong("table-completions-is-done", &["3.tables"], "The table completions is called done.")
            .mirror_tables(mirror(|name| if name == "completions" { "done" } else { name })),
        wrong("tables-stay-empty", &["3.tables"], "The tables exist, but all data is kept elsewhere.")
            .mirror_tables(copies(|name| name)),
    ]
}

fn keys() -> Vec<Sabotage> {
    let primary = &["3.primary-keys"];
    let foreign = &["3.foreign-keys"];
    vec![
        wrong("users-without-primary-key", primary, "The table users has no primary key.").alter_tables(
            "ALTER TABLE habits DROP CONSTRAINT habits_user_id_fkey;
            ALTER TABLE users DROP CONSTRAINT users_pkey, ADD UNIQUE (id);
            ALTER TABLE habits ADD FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE",
        ),
        wrong("habits-without-primary-key", primary, "The table habits has no primary key.").alter_tables(
            "ALTER TABLE completions DROP CONSTRAINT completions_habit_id_fkey;
            ALTER TABLE habits DROP CONSTRAINT habits_pkey, ADD UNIQUE (id);
            ALTER TABLE completions ADD FOREIGN KEY (habit_id) REFERENCES habits (id) ON DELETE CASCADE",
        ),
        wrong("completions-without-primary-key", primary, "The table completions has a unique constraint instead of a primary key.")
            .alter_tables("ALTER TABLE completions DROP CONSTRAINT completions_pkey, ADD UNIQUE (habit_id, completed_on)"),
        wrong("habits-without-foreign-key", foreign, "habits.user_id has no foreign key, only a trigger that deletes.").alter_tables(
            format!("ALTER TABLE habits DROP CONSTRAINT habits_user_id_fkey; {}", delete_trigger("users", "habits", "user_id")),
        ),
        wrong(
            "completions-without-foreign-key",
            foreign,
            "completions.habit_id has no foreign key, only a trigger that deletes.",
        )
        .alter_tables(format!(
            "ALTER TABLE completions DROP CONSTRAINT completions_habit_id_fkey; {}",
            delete_trigger("habits", "completions", "habit_id")
        )),
        wrong("foreign-keys-are-forgotten", &["3.foreign-keys", "3.cascade"], "There are no foreign keys.").alter_tables(
            "ALTER TABLE habits DROP CONSTRAINT habits_user_id_fkey; ALTER TABLE completions DROP CONSTRAINT completions_habit_id_fkey",
        ),
    ]
}

/// A trigger that deletes the rows of `child` that refer to a deleted row of `parent`.
fn delete_trigger(parent: &str, child: &str, column: &str) -> String {
    format!(
        "CREATE FUNCTION saboteur.deleting() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN DELETE FROM {child} WHERE {column} = OLD.id; RETURN NULL; END';
        CREATE TRIGGER deleting AFTER DELETE ON {parent} FOR EACH ROW EXECUTE FUNCTION saboteur.deleting()"
    )
}

fn cascades() -> Vec<Sabotage> {
    let trips = &["3.cascade"];
    let habits = |action: &str| {
        format!(
            "ALTER TABLE habits DROP CONSTRAINT habits_user_id_fkey;
            ALTER TABLE habits ADD CONSTRAINT habits_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) {action}"
        )
    };
    let completions = "ALTER TABLE public.completions DROP CONSTRAINT completions_habit_id_fkey;
        ALTER TABLE public.completions ADD CONSTRAINT completions_habit_id_fkey FOREIGN KEY (habit_id) REFERENCES public.habits (id)";
    vec![
        wrong("user-cannot-be-deleted", trips, "A user who has habits cannot be deleted.").alter_tables(habits("")),
        wrong("user-leaves-habits-to-the-first", trips, "The habits of a deleted user become another user's.").alter_tables(format!(
            "INSERT INTO users (id, email) VALUES (-1, 'heir@localhost'); ALTER TABLE habits ALTER COLUMN user_id SET DEFAULT -1; {}",
            habits("ON DELETE SET DEFAULT")
        )),
        wrong("habit-cannot-be-deleted", trips, "A habit that has completions cannot be deleted in the database.")
            .mirror_tables(format!("{}; {completions}", mirror(|name| name))),
        wrong("server-deletes-completions-itself", trips, "The server deletes a habit's completions itself; the foreign key does not cascade.")
            .alter_tables(completions)
            .instead(deletes, async |request, upstream| {
                let id = request.id().unwrap_or_default();
                upstream.database().run(&format!("DELETE FROM completions WHERE habit_id = {id}")).await?;
                upstream.send(request).await
            }),
        wrong("completions-outlive-their-habit", &["3.cascade", "3.foreign-keys"], "The completions of a deleted habit are kept.")
            .alter_tables("ALTER TABLE completions DROP CONSTRAINT completions_habit_id_fkey"),
    ]
}

fn constraints() -> Vec<Sabotage> {
    let null = &["3.not-null"];
    let surrogate = "ALTER TABLE completions DROP CONSTRAINT completions_pkey, ADD UNIQUE (habit_id, completed_on),
        ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY";
    let day = &["3.unique-day"];
    let day_twice = "ALTER TABLE public.completions DROP CONSTRAINT completions_pkey, ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY";
    let name = &["3.unique-name"];
    vec![
        wrong("email-may-be-null", null, "users.email accepts NULL.")
            .alter_tables("ALTER TABLE users ALTER COLUMN email DROP NOT NULL"),
        wrong("owner-may-be-null", null, "habits.user_id accepts NULL.")
            .alter_tables("ALTER TABLE habits ALTER COLUMN user_id DROP NOT NULL"),
        wrong("name-may-be-null", null, "habits.name accepts NULL.")
            .alter_tables("ALTER TABLE habits ALTER COLUMN name DROP NOT NULL"),
        wrong("habit-of-a-completion-may-be-null", null, "completions.habit_id accepts NULL.")
            .alter_tables(format!("{surrogate}; ALTER TABLE completions ALTER COLUMN habit_id DROP NOT NULL")),
        wrong("day-of-a-completion-may-be-null", null, "completions.completed_on accepts NULL.")
            .alter_tables(format!("{surrogate}; ALTER TABLE completions ALTER COLUMN completed_on DROP NOT NULL")),
        wrong("day-is-unique-in-the-server-alone", day, "The server keeps a habit's days unique; the table does not.")
            .mirror_tables(format!("{}; {day_twice}", mirror(|name| name))),
        wrong("day-is-unique-with-its-moment", day, "The table accepts the same day twice if the times differ.").mirror_tables(
            format!(
                "{}; {day_twice}; ALTER TABLE public.completions ADD COLUMN at timestamptz NOT NULL DEFAULT clock_timestamp(),
                ADD UNIQUE (habit_id, completed_on, at)",
                mirror(|name| name)
            ),
        ),
        wrong("name-is-unique-over-all-users", name, "The unique index on names spans all users.")
            .alter_tables("DROP INDEX habits_name_key; CREATE UNIQUE INDEX habits_name_key ON habits (lower(name))"),
    ]
}

fn indexes() -> Vec<Sabotage> {
    // Without any index for the owner the list is slow, which other checks would notice. These keep it fast.
    let names = "DROP INDEX habits_name_key; CREATE UNIQUE INDEX habits_name_key ON habits (lower(name), user_id)";
    let partial = format!("{names}; DROP INDEX habits_owner_idx; CREATE INDEX ON habits (id) WHERE user_id = 0");
    vec![
        wrong(
            "owner-has-a-partial-index",
            &["3.owner-index"],
            "The only index on the owner covers just the built-in user's habits.",
        )
        .alter_tables(partial.clone()),
        wrong("owner-is-last-in-the-index", &["3.owner-index"], "user_id is the last column of the index on habits.")
            .alter_tables(format!("{partial}; CREATE INDEX ON habits (id, user_id)")),
    ]
}

/// Copies of the upstream server's tables in the schema `public`, kept up to date by triggers. `names` renames tables and columns.
fn mirror(names: fn(&str) -> &str) -> String {
    let columns = [
        ("users", &["id", "email", "created_at"][..], "id = OLD.id"),
        ("habits", &["id", "user_id", "name", "description", "created_at"], "id = OLD.id"),
        ("completions", &["habit_id", "completed_on"], "habit_id = OLD.habit_id AND completed_on = OLD.completed_on"),
    ];
    let triggers = columns.map(|(table, columns, row)| {
        let copy = names(table);
        let there: Vec<&str> = columns.iter().map(|column| names(column)).collect();
        let here: Vec<String> = columns.iter().map(|column| format!("NEW.{column}")).collect();
        let (there, here) = (there.join(", "), here.join(", "));
        let row = row.split(" AND ").map(|one| {
            let (column, value) = one.split_once(" = ").unwrap_or((one, "NULL"));
            format!("{} = {value}", names(column))
        });
        let row = row.collect::<Vec<_>>().join(" AND ");
        format!(
            "CREATE FUNCTION saboteur.copy_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                CASE TG_OP
                    WHEN 'INSERT' THEN INSERT INTO public.{copy} ({there}) VALUES ({here});
                    WHEN 'UPDATE' THEN UPDATE public.{copy} SET ({there}) = ROW ({here}) WHERE {row};
                    ELSE DELETE FROM public.{copy} WHERE {row};
                END CASE;
                RETURN NULL;
            END $$;
            CREATE TRIGGER copy AFTER INSERT OR UPDATE OR DELETE ON {UPSTREAM_SCHEMA}.{table} FOR EACH ROW EXECUTE FUNCTION saboteur.copy_{table}();
            INSERT INTO public.{copy} SELECT * FROM {UPSTREAM_SCHEMA}.{table}"
        )
    });
    format!("{}; {}", copies(names), triggers.join("; "))
}

/// Correct tables in the schema `public` that the server does not write to. The ids of rows that the checker inserts there are far
/// from the server's.
fn copies(names: fn(&str) -> &str) -> String {
    let [users, habits, completions] = ["users", "habits", "completions"].map(names);
    let [email, user_id, completed_on] = ["email", "user_id", "completed_on"].map(names);
    format!(
        "CREATE TABLE public.{users} (
            id bigint GENERATED BY DEFAULT AS IDENTITY (START WITH 1000000) PRIMARY KEY,
            {email} text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE TABLE public.{habits} (
            id bigint GENERATED BY DEFAULT AS IDENTITY (START WITH 1000000) PRIMARY KEY,
            {user_id} bigint NOT NULL REFERENCES public.{users} ON DELETE CASCADE,
            name text NOT NULL,
            description text,
            created_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE UNIQUE INDEX ON public.{habits} ({user_id}, lower(name));
        CREATE INDEX ON public.{habits} ({user_id}, id);
        CREATE TABLE public.{completions} (
            habit_id bigint NOT NULL REFERENCES public.{habits} ON DELETE CASCADE,
            {completed_on} date NOT NULL,
            PRIMARY KEY (habit_id, {completed_on})
        )"
    )
}
