//! What a habit may hold.

use serde_json::{Value, json};

use super::{DESCRIPTION_MOST, NAME_MOST, expect_count, refused_fields, refused_names};
use harness::check::{Check, check};
use harness::habit::Habit;
use harness::problem::{expect_invalid, expect_problem};

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("2.name-missing", "POST without a name is refused, and the answer names the field")
            .book("validation")
            .hints(&[
                "The body is well-formed JSON, but a rule is broken: 400, with `errors` in the problem details.",
                "A name that is missing reaches `validate` only if reading gives it a value: `#[serde(default)]` above the field makes it an empty one.",
                "An array or a text in place of the object is refused too. serde can read a struct from an array: see that yours does not. `Value::is_object` tells.",
            ])
            .proof(async |api| {
                let token = api.data.token(8);
                let before = api.list().await?.1.len();
                expect_invalid(&api.post("/habits", json!({})).await?, "name")?;
                expect_invalid(&api.post("/habits", json!({ "description": token })).await?, "name")?;
                for body in [json!([]), json!([token, null]), json!(token), json!(7), json!(null)] {
                    expect_problem(&api.post("/habits", body).await?, [400, 422])?;
                }
                expect_count(api, before).await
            }),
        check("2.name-blank", "An empty name, or one of white space alone, is refused")
            .book("validation")
            .hints(&["Trim first, then look whether anything is left. White space is more than the space bar: U+3000 is one too."])
            .proof(async |api| refused_names(api, &["", " ", "   ", "\u{3000}", "\u{a0}\u{2003}"].map(Value::from)).await),
        check("2.name-long", "A name of 100 characters is accepted, one of 101 refused")
            .book("validation")
            .hints(&[
                "A character is a Unicode code point here. `len()` counts bytes.",
                "Count with `chars().count()`, after trimming.",
            ])
            .proof(async |api| {
                for filler in ["x", "é", "💧"] {
                    let longest = || {
                        let token = api.data.token(6);
                        token.clone() + &filler.repeat(NAME_MOST - token.len())
                    };
                    for name in [longest(), format!("  {}  ", longest())] {
                        api.post("/habits", json!({ "name": name })).await?.status(201)?;
                    }
                    refused_names(api, &[json!(longest() + filler)]).await?;
                }
                // 106 code points, which show as 26 signs.
                refused_names(api, &[json!(api.data.token(6) + &"👩\u{200d}👩\u{200d}👧".repeat(NAME_MOST / 5))]).await
            }),
        check("2.name-null", "\"name\": null is refused")
            .book("validation")
            .hints(&[
                "In PATCH a missing name means \"leave it\"; `null` would mean \"take it away\", and a habit has a name.",
                "The type that tells a missing description from `null` can do the same for the name.",
                "With `#[serde(default, deserialize_with = \"sent\")]` above `name: Option<String>`, a `String` is read where a name was sent, and `null` is none. Take `sent` as the chapter shows it: for any type `T`.",
            ])
            .proof(async |api| refused_names(api, &[Value::Null]).await),
        check("2.name-type", "A name that is not a string is refused, and the answer names the field")
            .book("validation")
            .hints(&[
                "When serde refuses a type, the field's name is lost in a sentence. How could you learn it?",
                "Read the body as a `serde_json::Value` first, and your type from that with `serde_path_to_error::deserialize`.",
                "The error of `serde_path_to_error` has a `path()`. `error.path().to_string()` is the name of the field.",
            ])
            .proof(async |api| refused_names(api, &[json!(7), json!(true), json!(["a"]), json!({ "a": 1 })]).await),
        check("2.description-long", "A description of 500 characters is accepted, one of 501 refused")
            .book("validation")
            .hints(&["The same counting as for the name: code points."])
            .proof(async |api| {
                for filler in ["x", "💧"] {
                    let longest = filler.repeat(DESCRIPTION_MOST);
                    api.create_described(&api.data.name(), &longest).await?;
                    refused_fields(api, "description", &[json!(longest + filler)]).await?;
                }
                Ok(())
            }),
        check("2.description-type", "A description that is neither a string nor null is refused")
            .book("validation")
            .hints(&["As for the name, but `null` is fine: it means \"no description\"."])
            .proof(async |api| {
                let answer = api.post("/habits", json!({ "name": api.data.name(), "description": null })).await?;
                answer.status(201)?;
                refused_fields(api, "description", &[json!(7), json!(false), json!(["a"])]).await
            }),
        check("2.completed-type", "A completed_today that is not a boolean is refused by PATCH")
            .book("validation")
            .hints(&[
                "`\"true\"` is a text, `1` is a number, and `null` is neither true nor false.",
                "By itself an `Option<bool>` takes `null` for \"not sent\". `deserialize_with = \"sent\"` keeps them apart, as for the name.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                for value in [json!("true"), json!(1), json!("yes"), json!([]), json!(null)] {
                    let answer = api.patch(habit.path(), json!({ "completed_today": value })).await?;
                    expect_invalid(&answer, "completed_today")?;
                }
                let (answer, read) = api.read(&habit).await?;
                read.expect(&answer, "completed_today", false)?;
                Ok(())
            }),
        check("2.trimmed", "White space around a name is removed before it is stored")
            .book("validation")
            .hints(&["Store what `trim()` gives, not what was sent, in PATCH as well. White space between words stays."])
            .proof(async |api| {
                let (first, second) = (format!("{}  twice", api.data.name()), api.data.name());
                let answer = api.post("/habits", json!({ "name": format!("  {first} \u{3000}") })).await?;
                answer.status(201)?;
                let habit = Habit::of(&answer)?;
                habit.expect(&answer, "name", first.clone())?;
                let (answer, read) = api.read(&habit).await?;
                read.expect(&answer, "name", first)?;
                let answer = api.patch(habit.path(), json!({ "name": format!("\u{a0}{second} ") })).await?;
                answer.status(200)?;
                Habit::of(&answer)?.expect(&answer, "name", second.clone())?;
                let (answer, read) = api.read(&habit).await?;
                read.expect(&answer, "name", second)?;
                Ok(())
            }),
    ]
}
