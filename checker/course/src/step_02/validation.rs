//! Validation of a habit's fields.

use serde_json::{Value, json};

use super::{DESCRIPTION_MOST, NAME_MOST, expect_count, expect_names_rejected, expect_values_rejected};
use harness::check::{Check, check};
use harness::habit::Habit;
use harness::problem::{expect_invalid, expect_problem};

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("2.name-missing", "POST without a name is rejected, and the error names the field")
            .book("validation")
            .hints(&[
                "The body is well-formed JSON, but it breaks a validation rule: respond 400, with `errors` in the problem details.",
                "A missing name reaches `validate` only if deserialization supplies a value: `#[serde(default)]` on the field makes it an empty string.",
                "Reject an array or a string in place of the object, too. serde can deserialize a struct from an array, so check `Value::is_object` first.",
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
        check("2.name-blank", "A name that is empty or only white space is rejected")
            .book("validation")
            .hints(&["Trim first, then check whether the name is empty. Unicode has more white space than the space character: U+3000, for example. `str::trim` removes it all."])
            .proof(async |api| expect_names_rejected(api, &["", " ", "   ", "\u{3000}", "\u{a0}\u{2003}"].map(Value::from)).await),
        check("2.name-long", "A name of 100 characters is accepted; one of 101 is rejected")
            .book("validation")
            .hints(&[
                "A character is a Unicode code point here. `len()` counts UTF-8 bytes.",
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
                    expect_names_rejected(api, &[json!(longest() + filler)]).await?;
                }
                // 106 code points, which display as 26 characters (grapheme clusters).
                expect_names_rejected(api, &[json!(api.data.token(6) + &"👩\u{200d}👩\u{200d}👧".repeat(NAME_MOST / 5))]).await
            }),
        check("2.name-null", "\"name\": null is rejected")
            .book("validation")
            .hints(&[
                "In PATCH, an absent name means \"keep it\". `null` would mean \"remove it\", but every habit has a name.",
                "The type that distinguishes an absent description from `null` can do the same for the name.",
                "With `#[serde(default, deserialize_with = \"sent\")]` on `name: Option<String>`, serde deserializes a present name as a `String`, which `null` is not. Write `sent` as the chapter shows it: generic over the type `T`.",
            ])
            .proof(async |api| expect_names_rejected(api, &[Value::Null]).await),
        check("2.name-type", "A name that is not a string is rejected, and the error names the field")
            .book("validation")
            .hints(&[
                "When serde rejects a type, its error message does not give you the path to the field. How can you get it?",
                "Parse the body into a `serde_json::Value` first, then deserialize your type from it with `serde_path_to_error::deserialize`.",
                "The error of `serde_path_to_error` has a `path()`: `error.path().to_string()` is the name of the field.",
            ])
            .proof(async |api| expect_names_rejected(api, &[json!(7), json!(true), json!(["a"]), json!({ "a": 1 })]).await),
        check("2.description-long", "A description of 500 characters is accepted; one of 501 is rejected")
            .book("validation")
            .hints(&["Count as for the name: Unicode code points, with `chars().count()`."])
            .proof(async |api| {
                for filler in ["x", "💧"] {
                    let longest = filler.repeat(DESCRIPTION_MOST);
                    api.create_described(&api.data.name(), &longest).await?;
                    expect_values_rejected(api, "description", &[json!(longest + filler)]).await?;
                }
                Ok(())
            }),
        check("2.description-type", "A description that is neither a string nor null is rejected")
            .book("validation")
            .hints(&["Validate the type as for the name, but accept `null`: it means \"no description\"."])
            .proof(async |api| {
                let response = api.post("/habits", json!({ "name": api.data.name(), "description": null })).await?;
                response.status(201)?;
                expect_values_rejected(api, "description", &[json!(7), json!(false), json!(["a"])]).await
            }),
        check("2.completed-type", "PATCH rejects a completed_today that is not a boolean")
            .book("validation")
            .hints(&[
                "`\"true\"` is a string, `1` is a number, and `null` is neither true nor false.",
                "By default, an `Option<bool>` deserializes `null` like an absent field. `deserialize_with = \"sent\"` distinguishes them, as for the name.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                for value in [json!("true"), json!(1), json!("yes"), json!([]), json!(null)] {
                    let response = api.patch(habit.path(), json!({ "completed_today": value })).await?;
                    expect_invalid(&response, "completed_today")?;
                }
                let (response, read) = api.read(&habit).await?;
                read.expect(&response, "completed_today", false)?;
                Ok(())
            }),
        check("2.trimmed", "The server trims white space around a name before it stores it")
            .book("validation")
            .hints(&["Store what `trim()` returns, in POST and in PATCH. White space between words stays."])
            .proof(async |api| {
                let (first, second) = (format!("{}  twice", api.data.name()), api.data.name());
                let response = api.post("/habits", json!({ "name": format!("  {first} \u{3000}") })).await?;
                response.status(201)?;
                let habit = Habit::of(&response)?;
                habit.expect(&response, "name", first.clone())?;
                let (response, read) = api.read(&habit).await?;
                read.expect(&response, "name", first)?;
                let response = api.patch(habit.path(), json!({ "name": format!("\u{a0}{second} ") })).await?;
                response.status(200)?;
                Habit::of(&response)?.expect(&response, "name", second.clone())?;
                let (response, read) = api.read(&habit).await?;
                read.expect(&response, "name", second)?;
                Ok(())
            }),
    ]
}
