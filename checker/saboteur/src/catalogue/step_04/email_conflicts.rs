//! Wrong ways to treat an e-mail address that is taken.

use serde_json::json;

use super::signup_validation::set_valid;
use crate::api::routes::signs_up;
use crate::api::users::{has_email_of, user_by_email};
use crate::database::quote_literal;
use crate::http::Response;
use crate::race;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [taken(), parallel()].into_iter().flatten().collect()
}

fn taken() -> Vec<Sabotage> {
    let trips = &["4.email-taken"];
    let on_conflict = |name, breaks, change: fn(&mut Response)| {
        wrong(name, trips, breaks).response(signs_up, move |_, response| {
            if response.status() == 409 {
                change(response)
            }
        })
    };
    vec![
        wrong("emails-may-repeat", &["4.email-taken", "4.oauth"], "An e-mail address can be used any number of times.")
            .alter_tables("DROP INDEX users_email_key"),
        wrong("emails-are-compared-with-case", trips, "E-mail addresses are compared case-sensitively.")
            .alter_tables("DROP INDEX users_email_key; CREATE UNIQUE INDEX users_email_key ON users (email)"),
        wrong(
            "only-the-host-is-compared-without-case",
            trips,
            "E-mail addresses are compared case-insensitively only after the @.",
        )
        .alter_tables(
            "DROP INDEX users_email_key;
            CREATE UNIQUE INDEX users_email_key ON users ((split_part(email, '@', 1) || lower(split_part(email, '@', 2))))",
        ),
        on_conflict("taken-email-answers-400", "A signup with a taken e-mail address answers 400.", |response| {
            response.set_problem(400, "The e-mail address is taken.")
        }),
        on_conflict("taken-email-tells-the-constraint", "The 409 of a signup shows the database's error message.", |response| {
            response.set_problem(409, "duplicate key value violates unique constraint \"users_email_key\"");
        }),
        on_conflict("taken-email-answers-422", "A signup with a taken e-mail address answers 422.", |response| {
            response.set_problem(422, "The e-mail address is taken.")
        }),
        on_conflict("taken-email-answers-500", "A signup with a taken e-mail address answers 500.", |response| {
            response.set_problem(500, "Something went wrong.")
        }),
        on_conflict(
            "taken-email-answers-201",
            "A signup with a taken e-mail address answers 201 and does nothing.",
            |response| {
                response.set_status(201);
                response.set_json("application/json", &json!({ "id": 1, "email": "somebody@example.com", "name": null }));
            },
        ),
        on_conflict("taken-email-is-no-problem", "The 409 of a taken e-mail address is not problem details.", |response| {
            response.set_plain_error(409, "taken")
        }),
        wrong(
            "taken-email-is-stored-all-the-same",
            &["4.email-taken", "4.oauth"],
            "A signup with a taken e-mail address answers 409 and stores another user anyway.",
        )
        .alter_tables("DROP INDEX users_email_key")
        .instead(signs_up, async |request, upstream| {
            let other = user_by_email(&request, upstream).await?;
            let mut response = upstream.send(request).await?;
            if other.is_some() && response.is_success() {
                response.set_problem(409, "The e-mail address is taken.");
            }
            Ok(response)
        }),
        wrong(
            "taken-email-changes-the-name",
            trips,
            "A signup with a taken e-mail address answers 409 and changes the existing user's name.",
        )
        .instead(signs_up, async |request, upstream| {
            let response = upstream.send(request.clone()).await?;
            if response.status() == 409 {
                let (name, user) = (quote_literal(&request.text("name")), has_email_of(&request));
                upstream.database().run(&format!("UPDATE users SET name = {name} WHERE {user}")).await?;
            }
            Ok(response)
        }),
        wrong(
            "taken-email-changes-the-password",
            trips,
            "A signup with a taken e-mail address answers 409 and changes the existing user's password.",
        )
        .instead(signs_up, async |request, upstream| {
            let response = upstream.send(request.clone()).await?;
            if response.status() == 409 {
                let mut other = request.clone();
                set_valid(&mut other, "email");
                upstream.send(other.clone()).await?;
                let (known, other) = (has_email_of(&request), has_email_of(&other));
                let take = format!("(SELECT password_hash FROM users WHERE {other})");
                let change = format!("UPDATE users SET password_hash = {take} WHERE {known}; DELETE FROM users WHERE {other}");
                upstream.database().run(&change).await?;
            }
            Ok(response)
        }),
    ]
}

fn parallel() -> Vec<Sabotage> {
    let trips = &["4.email-taken-parallel"];
    let check_then_insert = |name, trips, breaks, tables: &str| {
        wrong(name, trips, breaks).alter_tables(tables).instead(signs_up, async |request, upstream| {
            match user_by_email(&request, upstream).await?.is_some() && !request.text("email").is_empty() {
                true => upstream.problem(&request, 409, "The e-mail address is taken.").await,
                false => {
                    tokio::time::sleep(race::WINDOW).await;
                    upstream.send(request).await
                }
            }
        })
    };
    vec![
        check_then_insert(
            "emails-are-looked-up-first",
            &["4.email-taken-parallel", "4.oauth"],
            "The server checks whether an e-mail address is free and inserts it afterwards, without a unique index.",
            "DROP INDEX users_email_key",
        ),
        check_then_insert(
            "emails-in-one-case-are-looked-up-first",
            trips,
            "The unique index on e-mail addresses is case-sensitive; the server checks the letter case before it inserts.",
            "DROP INDEX users_email_key; CREATE UNIQUE INDEX users_email_key ON users (email)",
        ),
        wrong(
            "parallel-signups-answer-500",
            trips,
            "All but one of several signups with one e-mail address at the same time answer 500.",
        )
        .instead(signs_up, async |request, upstream| {
            let was_free = user_by_email(&request, upstream).await?.is_none();
            tokio::time::sleep(race::WINDOW).await;
            let mut response = upstream.send(request).await?;
            if was_free && response.status() == 409 {
                response.set_problem(500, "Something went wrong.");
            }
            Ok(response)
        }),
    ]
}
