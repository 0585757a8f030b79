//! Wrong servers for step 2: errors, validation, logs, request ids, configuration and what HTTP offers besides.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::io::Write;
use std::rc::Rc;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use hyper::Method;
use serde_json::{Value, json};

use crate::log_line;
use crate::memory::Memory;
use crate::message::{Answer, Request, any, creates, deletes, gzip, lists, patches, puts, reads};
use crate::sabotage::{Ending, Line, Sabotage, Stream};

/// The sabotages of step 2, in the order of its checks.
pub fn sabotages() -> Vec<Sabotage> {
    let errors = [unknown_routes(), unknown_habits(), methods(), broken_json(), media_types(), bad_ids(), internals()];
    let validation = [missing_names(), blank_names(), long_names(), odd_names(), descriptions(), completed(), trimming()];
    let operation = [log_lines(), request_ids(), logged_ids(), ports()];
    let stretch = [versions(), compression(), head(), options(), put_validation()];
    errors.into_iter().chain(validation).chain(operation).chain(stretch).flatten().collect()
}

fn wrong(name: &'static str, trips: &'static [&'static str], breaks: &'static str) -> Sabotage {
    Sabotage::new(2, name, trips, breaks)
}

fn unknown_routes() -> Vec<Sabotage> {
    let trips = &["2.not-found-route"];
    let unless_get = |request: &Request| unknown_route(request) && !matches!(request.head.method, Method::GET | Method::HEAD);
    vec![
        wrong("unknown-route-in-html", trips, "An unknown route answers 404 as a page of HTML.")
            .answer(unknown_route, |_, answer| answer.set_body("text/html; charset=utf-8", "<h1>Not Found</h1>")),
        wrong("unknown-route-is-empty", trips, "An unknown route answers 404 without a body.")
            .answer(unknown_route, |_, answer| answer.clear()),
        wrong("unknown-route-in-plain-json", trips, "An unknown route answers 404 as application/json.")
            .answer(unknown_route, |_, answer| answer.set_plain_error(404, "not found")),
        wrong("unknown-route-shows-the-app", trips, "An unknown route answers 200 with a start page.").answer(
            unknown_route,
            |_, answer| {
                answer.set_status(200);
                answer.set_body("text/html; charset=utf-8", "<!doctype html><title>Habits</title>");
            },
        ),
        wrong("problem-without-status", trips, "The problem details of an unknown route have no status.")
            .answer(unknown_route, |_, answer| without(answer, "status")),
        wrong("problem-with-another-status", trips, "The problem details of an unknown route say 500.")
            .answer(unknown_route, |_, answer| edit_problem(answer, |problem| problem["status"] = json!(500))),
        wrong("problem-with-status-as-text", trips, "The problem details of an unknown route have their status as a text.")
            .answer(unknown_route, |_, answer| edit_problem(answer, |problem| problem["status"] = json!("404"))),
        wrong("problem-without-title", trips, "The problem details of an unknown route have no title.")
            .answer(unknown_route, |_, answer| without(answer, "title")),
        wrong("problem-without-detail", trips, "The problem details of an unknown route have no detail.")
            .answer(unknown_route, |_, answer| without(answer, "detail")),
        wrong("unknown-route-refuses-post", trips, "An unknown route answers 405 to anything but GET.")
            .answer(unless_get, |_, answer| set_problem_status(answer, 405)),
    ]
}

fn unknown_habits() -> Vec<Sabotage> {
    let told = |name, breaks, method: fn(&Request) -> bool, spoil: fn(&mut Answer)| {
        let memory = Memory::new();
        wrong(name, &["2.not-found-habit"], breaks).remembering(&memory).answer(method, move |request, answer| {
            if memory.never_saw(request) {
                spoil(answer)
            }
        })
    };
    vec![
        told("unknown-habit-in-plain-json", "GET of an unknown habit answers application/json.", reads, |answer| {
            answer.set_plain_error(404, "no such habit")
        }),
        told("unknown-habit-is-empty", "GET of an unknown habit answers 404 without a body.", reads, Answer::clear),
        told("patch-unknown-as-text", "PATCH of an unknown habit answers text/plain.", patches, |answer| {
            answer.set_body("text/plain", "not found")
        }),
        told("delete-unknown-is-empty", "DELETE of an unknown habit answers 404 without a body.", deletes, Answer::clear),
    ]
}

fn methods() -> Vec<Sabotage> {
    let refused = |name, breaks, spoil: fn(&Request, &mut Answer)| {
        wrong(name, &["2.wrong-method"], breaks).answer(any, move |request, answer| {
            if answer.status() == 405 && !is_v1(request) {
                spoil(request, answer)
            }
        })
    };
    vec![
        refused("405-without-allow", "405 comes without Allow.", |_, answer| answer.remove_header("allow")),
        refused("405-allows-too-little", "Allow names GET alone.", |_, answer| answer.set_header("allow", "GET")),
        refused("405-allows-everything", "Allow names every method, the refused one too.", |_, answer| {
            answer.set_header("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE");
        }),
        refused("405-is-empty", "405 comes without a body.", |_, answer| answer.clear()),
        refused("405-is-404", "A wrong method answers 404.", |_, answer| set_problem_status(answer, 404)),
        refused("405-is-501", "A wrong method answers 501.", |_, answer| set_problem_status(answer, 501)),
        refused("405-of-a-habit-is-404", "A wrong method answers 404 on /habits/{id}.", |request, answer| {
            if request.id().is_some() {
                set_problem_status(answer, 404);
            }
        }),
    ]
}

fn broken_json() -> Vec<Sabotage> {
    let broken = |request: &Request| writes(request) && says_json(request) && !is_json(request);
    let broken_patch = move |request: &Request| patches(request) && broken(request);
    let trips = &["2.broken-json"];
    vec![
        wrong("broken-json-answers-500", trips, "Malformed JSON answers 500.")
            .answer(broken, |_, answer| set_problem_status(answer, 500)),
        wrong("broken-json-answers-422", trips, "Malformed JSON answers 422, as if a rule were broken.")
            .answer(broken, |_, answer| set_problem_status(answer, 422)),
        wrong("broken-json-as-text", trips, "Malformed JSON answers 400 in the framework's own words.")
            .answer(broken, |_, answer| answer.set_body("text/plain; charset=utf-8", "Failed to parse the request body as JSON")),
        wrong("broken-patch-answers-500", trips, "Malformed JSON answers 500 to PATCH.")
            .answer(broken_patch, |_, answer| set_problem_status(answer, 500)),
        wrong("broken-json-counts-as-nothing", trips, "Malformed JSON counts as {}.")
            .request(broken, |request| request.set_json(&json!({}))),
        wrong("empty-body-counts-as-nothing", trips, "An empty body counts as {}.").request(broken, |request| {
            if request.body.is_empty() {
                request.set_json(&json!({}))
            }
        }),
        wrong("trailing-comma-is-accepted", trips, "A comma before a closing brace is accepted.").request(broken, |request| {
            let lenient = String::from_utf8_lossy(&request.body).replace(",}", "}");
            if let Ok(body) = serde_json::from_str(&lenient) {
                request.set_json(&body);
            }
        }),
    ]
}

fn media_types() -> Vec<Sabotage> {
    let foreign = |request: &Request| writes(request) && !request.body.is_empty() && !says_json(request);
    let form = |request: &Request| request.header("content-type") == Some("application/x-www-form-urlencoded");
    let as_json = |request: &mut Request| request.set_header("content-type", "application/json");
    let refused = |_: &Request, answer: &Answer| answer.status() == 415;
    let trips = &["2.wrong-media-type"];
    vec![
        wrong("media-type-is-ignored", trips, "JSON is read whatever its Content-Type says.").request(foreign, as_json),
        wrong("patch-ignores-media-type", trips, "PATCH reads JSON whatever its Content-Type says.")
            .request(move |request| patches(request) && foreign(request), as_json),
        wrong("form-counts-as-json", trips, "A body sent as a form is read as JSON.").request(form, as_json),
        wrong("415-is-400", trips, "A wrong media type answers 400.").answer(any, move |request, answer| {
            if refused(request, answer) {
                set_problem_status(answer, 400)
            }
        }),
        wrong("415-as-text", trips, "A wrong media type answers 415 in the framework's own words.").answer(
            any,
            move |request, answer| {
                if refused(request, answer) {
                    answer.set_body("text/plain; charset=utf-8", "Expected request with `Content-Type: application/json`");
                }
            },
        ),
        wrong("refused-media-type-is-stored", trips, "A wrong media type answers 415, and the habit is stored.").instead(
            move |request| creates(request) && foreign(request),
            async |request, server| {
                let mut stored = request.clone();
                stored.set_header("content-type", "application/json");
                server.send(stored).await?;
                server.send(request).await
            },
        ),
        wrong("charset-is-refused", trips, "application/json with a parameter is refused.").request(
            |request| request.header("content-type").is_some_and(|it| it.contains(';')),
            |request| request.set_header("content-type", "text/plain"),
        ),
    ]
}

fn bad_ids() -> Vec<Sabotage> {
    let bad = |request: &Request| request.id_text().is_some() && request.id().is_none();
    let word = move |request: &Request| bad(request) && !is_number(request);
    let huge = move |request: &Request| bad(request) && is_number(request);
    let trips = &["2.bad-id"];
    vec![
        wrong("bad-id-answers-500", trips, "An id that is no integer answers 500.")
            .answer(word, |_, answer| set_problem_status(answer, 500)),
        wrong("bad-id-as-text", trips, "An id that is no integer answers in the framework's own words.")
            .answer(word, |_, answer| answer.set_body("text/plain; charset=utf-8", "Invalid URL: cannot parse the id")),
        wrong("bad-id-answers-422", trips, "An id that is no integer answers 422.")
            .answer(word, |_, answer| set_problem_status(answer, 422)),
        wrong("bad-id-of-delete-is-empty", trips, "DELETE of an id that is no integer answers without a body.")
            .answer(move |request| deletes(request) && word(request), |_, answer| answer.clear()),
        wrong("huge-id-answers-500", trips, "An id beyond 64 bits answers 500.")
            .answer(huge, |_, answer| set_problem_status(answer, 500)),
        wrong("huge-id-wraps-around", trips, "An id beyond 64 bits loses its upper bits.").request(huge, |request| {
            if let Some(id) = request.id_text().and_then(|id| id.parse::<u128>().ok()) {
                request.set_id(id % (1 << 64));
            }
        }),
        wrong("id-is-read-as-far-as-it-goes", trips, "An id is its leading digits, whatever follows.").request(word, |request| {
            let digits: String = request.id_text().unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
            if !digits.is_empty() {
                request.set_id(digits);
            }
        }),
    ]
}

fn internals() -> Vec<Sabotage> {
    let leak = |name, breaks, when: fn(&Request, &Answer) -> bool, text: &'static str| {
        wrong(name, &["2.no-internals"], breaks).answer(any, move |request, answer| {
            if when(request, answer) {
                edit_problem(answer, |problem| {
                    let detail = problem["detail"].as_str().unwrap_or_default().to_owned();
                    problem["detail"] = format!("{detail} {text}").into();
                });
            }
        })
    };
    vec![
        leak(
            "404-shows-a-stack-trace",
            "The 404 of an unknown route shows a stack trace.",
            |request, _| unknown_route(request),
            "stack backtrace: 0: habits::not_found at ./src/main.rs:42:7",
        ),
        leak(
            "405-names-the-framework",
            "405 names the framework.",
            |_, answer| answer.status() == 405,
            "(axum::routing::MethodRouter)",
        ),
        leak(
            "400-names-the-parser",
            "Malformed JSON answers with the name of the parser.",
            |request, answer| answer.status() == 400 && !is_json(request),
            "serde_json::Error: EOF while parsing a value",
        ),
        leak(
            "400-shows-a-source-file",
            "A wrong type answers with the path of a source file.",
            |request, answer| matches!(answer.status(), 400 | 422) && request.field("completed_today").is_some(),
            "(/home/dev/habits/src/habits.rs:88)",
        ),
        leak(
            "415-shows-a-traceback",
            "A wrong media type answers with a traceback.",
            |_, answer| answer.status() == 415,
            "Traceback (most recent call last): File \"app.py\", line 7",
        ),
        leak(
            "bad-id-names-the-parser",
            "An id that is no integer answers with the name of the parser.",
            |request, _| request.id_text().is_some() && request.id().is_none(),
            "tokio::task panicked at 'ParseIntError'",
        ),
    ]
}

fn missing_names() -> Vec<Sabotage> {
    let nameless = |request: &Request| creates(request) && request.json().is_some_and(|habit| !habit.contains_key("name"));
    let trips = &["2.name-missing"];
    vec![
        wrong("missing-name-is-accepted", trips, "A habit without a name is stored.")
            .accepts(creates, "name", |name| name.is_none().then(|| json!("unnamed"))),
        wrong("missing-name-answers-500", trips, "A missing name answers 500.")
            .answer(nameless, |_, answer| set_problem_status(answer, 500)),
        wrong("missing-name-is-not-named", trips, "The refusal of a missing name has no errors.")
            .answer(nameless, |_, answer| without(answer, "errors")),
        wrong("missing-name-blames-the-body", trips, "The refusal of a missing name names the field \"body\".")
            .answer(nameless, |_, answer| {
                edit_problem(answer, |problem| problem["errors"] = json!([{ "field": "body", "message": "is invalid" }]))
            }),
        wrong("missing-name-says-nothing", trips, "The refusal of a missing name names the field without a message.")
            .answer(nameless, |_, answer| edit_problem(answer, |problem| problem["errors"] = json!([{ "field": "name" }]))),
        wrong("missing-name-is-stored", trips, "A habit without a name is refused, and stored all the same.")
            .storing_refused(nameless),
        wrong("array-counts-as-a-habit", trips, "An array is taken for the fields of a habit in their order.").request(
            creates,
            |request| {
                if let Ok(Value::Array(fields)) = serde_json::from_slice(&request.body) {
                    request.set_json(&json!({ "name": fields.first() }));
                }
            },
        ),
    ]
}

fn blank_names() -> Vec<Sabotage> {
    let blank_name = |request: &Request| request.field("name").as_ref().is_some_and(is_blank);
    let trips = &["2.name-blank"];
    vec![
        wrong("empty-name-is-accepted", trips, "POST stores an empty name.")
            .accepts(creates, "name", |name| same_if(name, |name| name == "")),
        wrong("patch-accepts-an-empty-name", trips, "PATCH stores an empty name.")
            .accepts(patches, "name", |name| same_if(name, |name| name == "")),
        wrong("spaces-are-a-name", trips, "A name of spaces is stored.")
            .accepts(writes_but_put, "name", |name| same_if(name, |name| is_blank(name) && name != "")),
        wrong("unicode-spaces-are-a-name", trips, "A name of white space outside ASCII is stored.").accepts(
            writes_but_put,
            "name",
            |name| same_if(name, |name| is_blank(name) && name.as_str().is_some_and(|it| !it.trim_ascii().is_empty())),
        ),
        wrong("blank-name-is-stored", trips, "A blank name is refused, and stored all the same.")
            .storing_refused(move |request| creates(request) && blank_name(request)),
        wrong("refused-patch-is-half-done", trips, "PATCH refuses a blank name after it changed the other fields.").instead(
            move |request| patches(request) && blank_name(request),
            async |request, server| {
                let mut rest = request.clone();
                rest.edit(|change| drop(change.remove("name")));
                server.send(rest).await?;
                server.send(request).await
            },
        ),
    ]
}

fn long_names() -> Vec<Sabotage> {
    let trips = &["2.name-long"];
    let both = &["2.name-long", "1.text-fidelity"];
    let too_long = |name: Option<&Value>| same_if(name, |name| trimmed_length(name) > 100);
    vec![
        wrong("long-name-is-accepted", trips, "POST stores a name of 101 characters.").accepts(creates, "name", too_long),
        wrong("patch-accepts-a-long-name", trips, "PATCH stores a name of 101 characters.").accepts(patches, "name", too_long),
        wrong("long-name-is-cut", trips, "A name of 101 characters is cut to 100.").request(writes_but_put, |request| {
            if let Some(Value::String(name)) = request.field("name") {
                request.set_field("name", name.trim().chars().take(100).collect::<String>());
            }
        }),
        wrong("name-of-100-is-refused", both, "A name of 100 characters is refused.")
            .refuses(writes_but_put, "name", |name| trimmed_length(name) == 100),
        wrong("name-is-counted-in-bytes", both, "Names are counted in bytes.")
            .refuses(writes_but_put, "name", |name| name.as_str().is_some_and(|name| name.trim().len() > 100)),
        wrong("name-is-counted-in-utf-16", both, "Names are counted in UTF-16 units.")
            .refuses(writes_but_put, "name", |name| name.as_str().is_some_and(|name| name.trim().encode_utf16().count() > 100)),
        wrong("name-is-counted-before-trimming", trips, "Names are counted with the white space around them.").refuses(
            writes_but_put,
            "name",
            |name| name.as_str().is_some_and(|name| name.chars().count() > 100),
        ),
    ]
}

fn odd_names() -> Vec<Sabotage> {
    let odd_name = |request: &Request| request.field("name").is_some_and(|name| !name.is_string() && !name.is_null());
    let (null, odd) = (&["2.name-null"], &["2.name-type"]);
    vec![
        wrong("null-name-is-stored", null, "POST stores null as a name.")
            .accepts(creates, "name", |name| same_if(name, Value::is_null)),
        wrong("null-name-is-text", null, "POST stores the text \"null\".").request(creates, |request| {
            if request.field("name") == Some(Value::Null) {
                request.set_field("name", "null");
            }
        }),
        wrong("patch-ignores-a-null-name", null, "PATCH takes a name that is null for \"not sent\".").request(
            patches,
            |request| {
                request.edit(|change| change.retain(|field, value| field != "name" || !value.is_null()));
            },
        ),
        wrong("patch-stores-a-null-name", null, "PATCH stores null as a name.")
            .accepts(patches, "name", |name| same_if(name, Value::is_null)),
        wrong("null-name-is-not-named", null, "The refusal of a name that is null has no errors.").answer(
            |request| request.field("name") == Some(Value::Null) && !puts(request),
            |_, answer| without(answer, "errors"),
        ),
        wrong("number-becomes-a-name", odd, "A name that is a number is stored as a text.")
            .accepts(writes_but_put, "name", |name| name.filter(|name| name.is_number()).map(|name| name.to_string().into())),
        wrong("number-is-a-name", odd, "A number is stored as a name.")
            .accepts(writes_but_put, "name", |name| same_if(name, Value::is_number)),
        wrong("true-becomes-a-name", odd, "true is stored as the text \"true\".")
            .accepts(writes_but_put, "name", |name| name.filter(|name| name.is_boolean()).map(|name| name.to_string().into())),
        wrong("object-is-a-name", odd, "An object is stored as a name.")
            .accepts(writes_but_put, "name", |name| same_if(name, Value::is_object)),
        wrong("patch-accepts-any-name", odd, "PATCH stores a name of any type.")
            .accepts(patches, "name", |name| same_if(name, |name| !name.is_string() && !name.is_null())),
        wrong("odd-name-is-not-named", odd, "The refusal of a name of the wrong type has no errors.")
            .answer(move |request| odd_name(request) && !puts(request), |_, answer| without(answer, "errors")),
        wrong("odd-name-answers-500", odd, "A name of the wrong type answers 500.")
            .answer(move |request| odd_name(request) && !puts(request), |_, answer| set_problem_status(answer, 500)),
    ]
}

fn descriptions() -> Vec<Sabotage> {
    let too_long = |text: Option<&Value>| same_if(text, |text| length(text) > 500);
    let (long, odd) = (&["2.description-long"], &["2.description-type"]);
    vec![
        wrong("long-description-is-accepted", long, "POST stores a description of 501 characters.").accepts(
            creates,
            "description",
            too_long,
        ),
        wrong("patch-accepts-a-long-description", long, "PATCH stores a description of 501 characters.").accepts(
            patches,
            "description",
            too_long,
        ),
        wrong("long-description-is-cut", long, "A description of 501 characters is cut to 500.").request(
            writes_but_put,
            |request| {
                if let Some(Value::String(text)) = request.field("description") {
                    request.set_field("description", text.chars().take(500).collect::<String>());
                }
            },
        ),
        wrong("description-of-500-is-refused", long, "A description of 500 characters is refused.").refuses(
            writes_but_put,
            "description",
            |text| length(text) == 500,
        ),
        wrong("description-is-counted-in-bytes", long, "Descriptions are counted in bytes.").refuses(
            writes_but_put,
            "description",
            |text| text.as_str().is_some_and(|text| text.len() > 500),
        ),
        wrong("number-becomes-a-description", odd, "A description that is a number is stored as a text.").accepts(
            writes_but_put,
            "description",
            |text| text.filter(|text| text.is_number()).map(|text| text.to_string().into()),
        ),
        wrong("array-is-a-description", odd, "An array is stored as a description.").accepts(
            writes_but_put,
            "description",
            |text| same_if(text, Value::is_array),
        ),
        wrong("false-is-no-description", odd, "A description that is false counts as none.").request(writes_but_put, |request| {
            if request.field("description") == Some(json!(false)) {
                request.set_field("description", Value::Null);
            }
        }),
        wrong("patch-accepts-any-description", odd, "PATCH stores a description of any type.").accepts(
            patches,
            "description",
            |text| same_if(text, |text| !text.is_string() && !text.is_null()),
        ),
        wrong("null-description-is-refused", odd, "POST refuses a description that is null.").refuses(
            creates,
            "description",
            Value::is_null,
        ),
    ]
}

fn completed() -> Vec<Sabotage> {
    let coerced = |name, breaks, coerce: fn(&Value) -> Option<Value>| {
        wrong(name, &["2.completed-type"], breaks).request(patches, move |request| {
            if let Some(value) = request.field("completed_today").as_ref().and_then(coerce) {
                request.set_field("completed_today", value);
            }
        })
    };
    let odd = |request: &Request| patches(request) && request.field("completed_today").is_some_and(|value| !value.is_boolean());
    vec![
        coerced("text-true-is-true", "The text \"true\" counts as true.", |value| (value == "true").then_some(json!(true))),
        coerced("one-is-true", "The number 1 counts as true.", |value| (*value == json!(1)).then_some(json!(true))),
        coerced("any-text-is-true", "Any other text counts as true.", |value| {
            (value.is_string() && value != "true").then_some(json!(true))
        }),
        coerced("empty-array-is-false", "An array counts as false when it is empty.", |value| {
            (*value == json!([])).then_some(json!(false))
        }),
        wrong("null-completed-is-ignored", &["2.completed-type"], "PATCH takes a completed_today that is null for \"not sent\".")
            .request(patches, |request| {
                request.edit(|change| change.retain(|field, value| field != "completed_today" || !value.is_null()));
            }),
        wrong(
            "odd-completed-is-not-named",
            &["2.completed-type"],
            "The refusal of a completed_today of the wrong type has no errors.",
        )
        .answer(odd, |_, answer| without(answer, "errors")),
    ]
}

fn trimming() -> Vec<Sabotage> {
    let trips = &["2.trimmed"];
    let untrimmed = |name: Option<&Value>, trim: fn(&str) -> &str| {
        let text = name?.as_str()?;
        let shown = trim(text);
        (!text.trim().is_empty() && shown != text.trim() && trimmed_length(&json!(text)) <= 100).then(|| json!(shown))
    };
    vec![
        wrong("name-is-not-trimmed", trips, "POST stores a name with the white space around it.").accepts(
            creates,
            "name",
            move |name| untrimmed(name, |text| text),
        ),
        wrong("patch-does-not-trim", trips, "PATCH stores a name with the white space around it.").accepts(
            patches,
            "name",
            move |name| untrimmed(name, |text| text),
        ),
        wrong("only-ascii-is-trimmed", trips, "White space outside ASCII stays around a name.").accepts(
            writes_but_put,
            "name",
            move |name| untrimmed(name, str::trim_ascii),
        ),
        wrong("only-the-start-is-trimmed", trips, "White space behind a name stays.").accepts(
            writes_but_put,
            "name",
            move |name| untrimmed(name, str::trim_start),
        ),
        wrong("only-the-end-is-trimmed", trips, "White space before a name stays.").accepts(
            writes_but_put,
            "name",
            move |name| untrimmed(name, str::trim_end),
        ),
        wrong("only-the-answer-is-trimmed", trips, "POST and PATCH answer a trimmed name, and store what was sent.")
            .accepts(writes_but_put, "name", move |name| untrimmed(name, |text| text))
            .answer(writes_but_put, |_, answer| {
                answer.edit_habits(|habit| {
                    if let Some(name) = habit["name"].as_str().map(|name| name.trim().to_owned()) {
                        habit.insert("name".into(), name.into());
                    }
                })
            }),
        wrong("inner-space-is-squeezed", trips, "White space inside a name is squeezed, too.").request(
            writes_but_put,
            |request| {
                if let Some(Value::String(name)) = request.field("name").filter(|name| !is_blank(name)) {
                    request.set_field("name", name.split_whitespace().collect::<Vec<_>>().join(" "));
                }
            },
        ),
    ]
}

fn log_lines() -> Vec<Sabotage> {
    let logged = |name, breaks, change: fn(&str) -> Option<String>| {
        wrong(name, &["2.log-line"], breaks).line(move |line| match log_line::is_request(&line.text) {
            true => change(&line.text).map(|text| Line { text, ..line }).into_iter().collect(),
            false => vec![line],
        })
    };
    vec![
        logged("nothing-is-logged", "Requests are not logged.", |_| None),
        logged("errors-are-not-logged", "Requests that end in an error are not logged.", |line| {
            (!tells_of_an_error(line)).then(|| line.to_owned())
        }),
        logged("successes-are-not-logged", "Requests are logged when they end in an error.", |line| {
            tells_of_an_error(line).then(|| line.to_owned())
        }),
        logged("log-without-method", "The log line has no method.", |line| Some(line.replacen(log_line::method(line)?, "-", 1))),
        logged("log-without-path", "The log line has no path.", |line| Some(line.replacen(log_line::path(line)?, "-", 1))),
        logged("log-names-the-route", "The log line has the route's template in place of the path.", |line| {
            let path = log_line::path(line)?;
            Some(match path.strip_prefix("/habits/") {
                Some(_) => line.replacen(path, "/habits/{id}", 1),
                None => line.to_owned(),
            })
        }),
        logged("log-without-status", "The log line has no status.", |line| Some(line.replace(log_line::status(line)?, "-"))),
        logged("log-always-says-200", "The log line says 200, whatever the answer was.", |line| {
            Some(line.replace(log_line::status(line)?, "200"))
        }),
        logged("log-without-duration", "The log line does not say how long it took.", |line| {
            Some(log_line::without_duration(line))
        }),
        wrong("log-says-it-twice", &["2.log-line"], "Every request is logged twice.").line(|line| {
            match log_line::is_request(&line.text) {
                true => vec![line.clone(), line],
                false => vec![line],
            }
        }),
    ]
}

fn request_ids() -> Vec<Sabotage> {
    let made = |name, breaks, spoil: fn(&Request, &mut Answer)| wrong(name, &["2.request-id-made"], breaks).answer(any, spoil);
    let echoed = |name, breaks, change: fn(&str) -> String| {
        wrong(name, &["2.request-id-echoed"], breaks).answer(safe_id, move |request, answer| {
            answer.set_header(ID, &change(request.header(ID).unwrap_or_default()));
        })
    };
    let replaced = |name, breaks, change: fn(&str) -> String| {
        wrong(name, &["2.request-id-replaced"], breaks).answer(unsafe_id, move |request, answer| {
            let given = request.head.headers[ID].as_bytes();
            let id = change(&String::from_utf8_lossy(given));
            if let Ok(id) = id.as_bytes().try_into() {
                answer.head.headers.insert(ID, id);
            }
        })
    };
    vec![
        made("request-id-is-missing", "No answer has an x-request-id.", |_, answer| answer.remove_header(ID)),
        made("errors-have-no-request-id", "Errors have no x-request-id.", |_, answer| {
            if !answer.is_success() {
                answer.remove_header(ID)
            }
        }),
        made("unknown-route-has-no-request-id", "An unknown route answers without x-request-id.", |request, answer| {
            if unknown_route(request) {
                answer.remove_header(ID);
            }
        }),
        made("refused-body-has-no-request-id", "A body that cannot be read is answered without x-request-id.", |_, answer| {
            if matches!(answer.status(), 400 | 415) {
                answer.remove_header(ID);
            }
        }),
        made("request-id-is-always-the-same", "Every answer has the same x-request-id.", |_, answer| {
            answer.set_header(ID, "habits-1")
        }),
        made("request-id-is-of-the-route", "The x-request-id is the same for the same method and path.", |request, answer| {
            let id = format!("{}{}", request.head.method, request.path().replace('/', "-"));
            answer.set_header(ID, &id);
        }),
        wrong(
            "request-id-is-ignored",
            &["2.request-id-echoed"],
            "The caller's x-request-id is replaced by a new one, safe or not.",
        )
        .request(any, |request| drop(request.head.headers.remove(ID))),
        wrong(
            "request-id-is-ignored-by-errors",
            &["2.request-id-echoed"],
            "Errors have a new x-request-id in the place of the caller's.",
        )
        .request(unknown_route, |request| drop(request.head.headers.remove(ID))),
        wrong(
            "request-id-allows-few-characters",
            &["2.request-id-echoed"],
            "An x-request-id with a dot or an underscore counts as unsafe.",
        )
        .request(
            |request| request.header(ID).is_some_and(|id| id.contains(['.', '_'])),
            |request| drop(request.head.headers.remove(ID)),
        ),
        echoed("request-id-gets-a-prefix", "The caller's x-request-id comes back with a prefix.", |id| format!("req-{id}")),
        echoed("request-id-in-lower-case", "The caller's x-request-id comes back in lower case.", str::to_lowercase),
        echoed("request-id-is-cut", "The caller's x-request-id is cut at 64 characters.", |id| id.chars().take(64).collect()),
        replaced("unsafe-request-id-is-echoed", "An unsafe x-request-id of the caller comes back.", str::to_owned),
        replaced("long-request-id-is-echoed", "Of a caller's x-request-id its characters are looked at, not its length.", |id| {
            if id.chars().all(is_safe) && !id.is_empty() { id.to_owned() } else { fresh_id() }
        }),
        replaced("odd-request-id-is-echoed", "Of a caller's x-request-id its length is looked at, not its characters.", |id| {
            if (1..=128).contains(&id.len()) { id.to_owned() } else { fresh_id() }
        }),
        replaced("empty-request-id-is-echoed", "An empty x-request-id of the caller comes back.", |id| {
            if id.is_empty() { String::new() } else { fresh_id() }
        }),
        replaced(
            "unsafe-request-id-is-cleaned",
            "Of an unsafe x-request-id of the caller the safe characters come back.",
            |id| {
                let cleaned: String = id.chars().filter(|c| is_safe(*c)).take(128).collect();
                if cleaned.is_empty() { fresh_id() } else { cleaned }
            },
        ),
        wrong(
            "unsafe-request-id-is-refused",
            &["2.request-id-replaced"],
            "A request with an unsafe x-request-id is answered 400.",
        )
        .answer(unsafe_id, |_, answer| answer.set_plain_error(400, "bad x-request-id")),
    ]
}

fn logged_ids() -> Vec<Sabotage> {
    let logged = |name, breaks, change: fn(&str, &str) -> String| {
        let recent: Rc<RefCell<VecDeque<String>>> = Rc::default();
        let ids = recent.clone();
        wrong(name, &["2.request-id-logged"], breaks)
            .request(
                |request| !unsafe_id(request),
                move |request| {
                    // The id is given here already, so that it is known before the line is written.
                    let id = request.header(ID).map_or_else(fresh_id, str::to_owned);
                    request.set_header(ID, &id);
                    let mut recent = recent.borrow_mut();
                    recent.push_back(id);
                    if recent.len() > 100 {
                        recent.pop_front();
                    }
                },
            )
            .line(move |mut line| {
                for id in ids.borrow().iter().filter(|id| id.len() > 4) {
                    if line.text.contains(id) {
                        line.text = change(&line.text, id);
                    }
                }
                vec![line]
            })
    };
    vec![
        logged("request-id-is-not-logged", "The log line has no request id.", |line, id| line.replace(id, "-")),
        logged("log-has-another-id", "The log line has an id that is not the answer's.", |line, id| {
            line.replace(id, &fresh_id())
        }),
        logged("log-has-a-short-id", "The log line has the first characters of the request id.", |line, id| {
            line.replace(id, &id[..id.len().min(8)])
        }),
        logged(
            "errors-are-logged-without-id",
            "The log line of an error has no request id.",
            |line, id| match tells_of_an_error(line) {
                true => line.replace(id, "-"),
                false => line.to_owned(),
            },
        ),
    ]
}

fn ports() -> Vec<Sabotage> {
    let bad = |port: &str| port.parse::<u16>().is_err();
    let is_number = |port: &str| port.parse::<u64>().is_ok();
    let lock: RefCell<Option<File>> = RefCell::default();
    let invalid = &["2.port-invalid"];
    vec![
        wrong("second-instance-is-refused", &["2.port"], "A second instance does not start while the first one runs.").start(
            move |start| {
                // A bad PORT is refused for being bad, as ever.
                if bad(&start.port) {
                    return;
                }
                match only_instance() {
                    Ok(file) => drop(lock.replace(Some(file))),
                    Err(message) => start.refusal = Some(message),
                }
            },
        ),
        wrong("bad-port-is-ignored", invalid, "A bad PORT is taken for none.").start(move |start| {
            if bad(&start.port) {
                start.port = "0".into()
            }
        }),
        wrong("big-port-wraps-around", invalid, "A PORT above 65535 loses its upper bits.").start(move |start| {
            if bad(&start.port) && is_number(&start.port) {
                start.port = "0".into()
            }
        }),
        wrong("bad-port-ends-with-0", invalid, "A bad PORT ends the program with exit code 0.")
            .start(|start| start.ending = Ending::With(0)),
        wrong("bad-port-does-not-end", invalid, "A bad PORT is complained of, and the program goes on.")
            .start(|start| start.ending = Ending::Never),
        wrong("bad-port-is-not-named", invalid, "The message about a bad PORT does not name it.").line(|line| {
            match line.stream {
                Stream::Stderr => vec![Line { text: "error: invalid digit found in string".into(), ..line }],
                Stream::Stdout => vec![line],
            }
        }),
        wrong("bad-port-is-told-on-stdout", invalid, "The message about a bad PORT goes to standard output.")
            .line(|line| vec![Line { stream: Stream::Stdout, ..line }]),
    ]
}

fn versions() -> Vec<Sabotage> {
    let lose = |request: &mut Request| request.set_path("/v1-is-missing");
    let own: Rc<RefCell<BTreeSet<i64>>> = Rc::default();
    let visible = own.clone();
    vec![
        wrong("v1-is-missing", &["2.v1"], "There is no /v1.").request(is_v1, lose),
        wrong("v1-has-no-habits", &["2.v1"], "/v1 has the list, but not /habits/{id}.")
            .request(|request| is_v1(request) && request.id_text().is_some(), lose),
        wrong("v1-cannot-change", &["2.v1"], "/v1 has GET and POST alone.").answer(
            |request| is_v1(request) && (patches(request) || deletes(request)),
            |_, answer| set_problem_status(answer, 405),
        ),
        wrong("v1-redirects", &["2.v1"], "/v1 redirects to the routes without it.").answer(is_v1, |request, answer| {
            answer.set_status(308);
            answer.clear();
            answer.set_header("location", &request.path().to_owned());
        }),
        wrong("v1-has-its-own-habits", &["2.v1"], "Habits created under /v1 are not seen without it.")
            .answer(|request| is_v1(request) && creates(request), move |_, answer| own.borrow_mut().extend(answer.id()))
            .answer(
                move |request| !is_v1(request) && request.id().is_some_and(|id| visible.borrow().contains(&id)),
                |_, answer| {
                    answer.set_status(404);
                    answer.set_json(
                        "application/problem+json",
                        &json!({ "title": "Not Found", "status": 404, "detail": "no such habit" }),
                    );
                },
            ),
        wrong("v1-has-other-errors", &["2.v1"], "Errors under /v1 are no problem details.").answer(is_v1, |_, answer| {
            if !answer.is_success() {
                answer.set_plain_error(answer.status(), "error");
            }
        }),
    ]
}

fn compression() -> Vec<Sabotage> {
    let asked = |request: &Request| lists(request) && request.head.headers.contains_key("accept-encoding");
    let packed = |name, breaks, spoil: fn(&mut Answer)| {
        wrong(name, &["2.compression"], breaks).answer(asked, move |_, answer| {
            if answer.head.headers.contains_key("content-encoding") {
                spoil(answer)
            }
        })
    };
    let plain = |request: &mut Request| drop(request.head.headers.remove("accept-encoding"));
    let pack = |encoding: &'static str, body: fn(&[u8]) -> Vec<u8>| {
        move |_: &Request, answer: &mut Answer| {
            let packed = body(&answer.body);
            answer.set_bytes(packed);
            answer.set_header("content-encoding", encoding);
        }
    };
    let after_a_long_habit = Rc::new(Cell::new(false));
    let before = after_a_long_habit.clone();
    vec![
        wrong("nothing-is-compressed", &["2.compression"], "Nothing is compressed.").request(any, plain),
        // Other checks read the list as it is, so only a list right after a habit with a description of 100 to 200 characters is packed.
        wrong("lists-are-always-compressed", &["2.compression"], "A list is compressed though nobody asked for it.")
            .request(lists, move |request| {
                if before.get() {
                    request.set_header("accept-encoding", "gzip")
                }
            })
            .answer(any, move |request, _| {
                let described = request.field("description").is_some_and(|text| (100..200).contains(&length(&text)));
                after_a_long_habit.set(creates(request) && described);
            }),
        wrong("refused-coding-is-used", &["2.compression"], "gzip;q=0 counts as asking for gzip.").request(
            |request| request.header("accept-encoding").is_some_and(|it| it.contains("gzip")),
            |request| request.set_header("accept-encoding", "gzip"),
        ),
        wrong("identity-is-compressed", &["2.compression"], "Any Accept-Encoding counts as asking for gzip.").request(
            |request| request.head.headers.contains_key("accept-encoding"),
            |request| request.set_header("accept-encoding", "gzip"),
        ),
        wrong("plain-body-says-gzip", &["2.compression"], "The answer says gzip, and is not compressed.")
            .request(asked, plain)
            .answer(asked, pack("gzip", <[u8]>::to_vec)),
        wrong("deflate-for-gzip", &["2.compression"], "Asked for gzip, the server answers deflate.")
            .request(asked, plain)
            .answer(
                asked,
                pack("deflate", |body| {
                    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                    let _ = encoder.write_all(body);
                    encoder.finish().unwrap_or_default()
                }),
            ),
        wrong("gzip-saves-nothing", &["2.compression"], "The answer is packed without being any shorter.")
            .request(asked, plain)
            .answer(asked, pack("gzip", |body| gzip(body, Compression::none()))),
        packed("compressed-without-saying", "The answer is compressed, and does not say so.", |answer| {
            answer.remove_header("content-encoding")
        }),
        packed("compressed-body-is-cut", "The end of a compressed answer is missing.", |answer| {
            answer.set_bytes(answer.body.slice(..answer.body.len() - 12))
        }),
    ]
}

fn head() -> Vec<Sabotage> {
    let head = |name, breaks, spoil: fn(&Request, &mut Answer)| {
        wrong(name, &["2.head"], breaks).answer(|request| request.head.method == Method::HEAD, spoil)
    };
    vec![
        head("head-answers-405", "HEAD answers 405.", |_, answer| answer.set_status(405)),
        head("head-answers-204", "HEAD answers 204 where GET answers 200.", |_, answer| {
            if answer.is_success() {
                answer.set_status(204);
                answer.clear();
            }
        }),
        head("head-never-answers-404", "HEAD answers 200 for what is not there.", |_, answer| answer.set_status(200)),
        head("head-says-another-length", "HEAD says a Content-Length that is not GET's.", |_, answer| {
            answer.set_header("content-length", "7")
        }),
        head("head-says-another-type", "HEAD says a Content-Type that is not GET's.", |_, answer| {
            answer.set_header("content-type", "text/plain")
        }),
        head("head-of-a-habit-answers-405", "HEAD answers 405 for /habits/{id}.", |request, answer| {
            if request.id().is_some() {
                answer.set_status(405)
            }
        }),
    ]
}

fn options() -> Vec<Sabotage> {
    let options = |name, breaks, spoil: fn(&Request, &mut Answer)| {
        wrong(name, &["2.options"], breaks).answer(|request| request.head.method == Method::OPTIONS, spoil)
    };
    vec![
        options("options-answers-405", "OPTIONS answers 405.", |_, answer| answer.set_status(405)),
        options("options-answers-404", "OPTIONS answers 404.", |_, answer| answer.set_status(404)),
        options("options-without-allow", "OPTIONS answers without Allow.", |_, answer| answer.remove_header("allow")),
        options("options-allows-too-little", "OPTIONS names GET and HEAD alone.", |_, answer| {
            answer.set_header("allow", "GET, HEAD")
        }),
        options("options-allows-everything", "OPTIONS names every method there is.", |_, answer| {
            answer.set_header("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, CONNECT");
        }),
        options("options-of-a-habit-is-404", "OPTIONS answers 404 for /habits/{id}.", |request, answer| {
            if request.id().is_some() {
                answer.set_status(404)
            }
        }),
    ]
}

fn put_validation() -> Vec<Sabotage> {
    let trips = &["2.put-validates"];
    vec![
        wrong("put-accepts-a-blank-name", trips, "PUT stores a blank name.")
            .accepts(puts, "name", |name| same_if(name, is_blank)),
        wrong("put-accepts-a-long-name", trips, "PUT stores a name of 101 characters.")
            .accepts(puts, "name", |name| same_if(name, |name| trimmed_length(name) > 100)),
        wrong("put-accepts-any-name", trips, "PUT stores a name that is a number.")
            .accepts(puts, "name", |name| same_if(name, Value::is_number)),
        wrong("put-accepts-a-null-name", trips, "PUT stores null as a name.")
            .accepts(puts, "name", |name| same_if(name, Value::is_null)),
        wrong("put-accepts-a-missing-name", trips, "PUT stores a habit without a name.")
            .accepts(puts, "name", |name| name.is_none().then(|| json!("unnamed"))),
        wrong("put-accepts-a-long-description", trips, "PUT stores a description of 501 characters.").accepts(
            puts,
            "description",
            |text| same_if(text, |text| length(text) > 500),
        ),
        wrong("put-names-no-field", trips, "PUT refuses without naming the field.")
            .answer(puts, |_, answer| without(answer, "errors")),
        wrong("refused-put-is-stored", trips, "PUT refuses a bad name after it changed the rest.").instead(
            puts,
            async |request, server| {
                let answer = server.send(request.clone()).await?;
                if matches!(answer.status(), 400 | 422) {
                    let reset = json!({ "name": "reset" });
                    server.send(request.another(Method::PUT, request.path(), Some(&reset))).await?;
                }
                Ok(answer)
            },
        ),
    ]
}

fn tells_of_an_error(line: &str) -> bool {
    log_line::status(line).is_some_and(|status| status >= "400")
}

/// The header by which a request is followed.
const ID: &str = "x-request-id";

impl Sabotage {
    /// Refuses as the right server does, and stores a habit all the same.
    fn storing_refused(self, when: impl Fn(&Request) -> bool + 'static) -> Self {
        self.instead(when, async |request, server| {
            server.send(request.another(Method::POST, "/habits", Some(&json!({ "name": "unnamed" })))).await?;
            server.send(request).await
        })
    }
}

/// Locks a file beside this program for as long as it is open, so that only instances of one build meet.
fn only_instance() -> Result<File, String> {
    let path = std::env::current_exe().map_err(|error| error.to_string())?.with_extension("instance");
    let file = File::create(path).map_err(|error| error.to_string())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => Err("another instance is running".into()),
    }
}

fn unknown_route(request: &Request) -> bool {
    let known = ["/habits", "/openapi.json", "/docs"];
    !known.contains(&request.path()) && request.id_text().is_none() && !request.path().starts_with("/docs/")
}

fn is_v1(request: &Request) -> bool {
    request.head.uri.path().starts_with("/v1/")
}

fn writes(request: &Request) -> bool {
    creates(request) || patches(request) || puts(request)
}

fn writes_but_put(request: &Request) -> bool {
    creates(request) || patches(request)
}

fn says_json(request: &Request) -> bool {
    request.header("content-type").is_some_and(|it| it.starts_with("application/json"))
}

fn is_json(request: &Request) -> bool {
    serde_json::from_slice::<Value>(&request.body).is_ok()
}

fn is_number(request: &Request) -> bool {
    request.id_text().is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_safe(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-".contains(c)
}

fn safe_id(request: &Request) -> bool {
    request.header(ID).is_some_and(|id| (1..=128).contains(&id.len()) && id.chars().all(is_safe))
}

fn unsafe_id(request: &Request) -> bool {
    request.head.headers.contains_key(ID) && !safe_id(request)
}

fn fresh_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}

/// The value itself where it is what a sabotage accepts.
fn same_if(value: Option<&Value>, accepted: impl Fn(&Value) -> bool) -> Option<Value> {
    value.filter(|value| accepted(value)).cloned()
}

fn is_blank(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.trim().is_empty())
}

fn length(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.chars().count())
}

fn trimmed_length(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.trim().chars().count())
}

/// Answers with another status, in the problem details as well.
fn set_problem_status(answer: &mut Answer, status: u16) {
    answer.set_status(status);
    if answer.json().is_some() {
        edit_problem(answer, |problem| problem["status"] = json!(status));
    } else {
        answer.set_json(
            "application/problem+json",
            &json!({ "title": "Error", "status": status, "detail": "Something is wrong." }),
        );
    }
}

fn edit_problem(answer: &mut Answer, change: impl FnOnce(&mut Value)) {
    answer.edit(|problem| {
        if problem.is_object() {
            change(problem)
        }
    });
}

fn without(answer: &mut Answer, field: &str) {
    answer.edit(|problem| drop(problem.as_object_mut().map(|fields| fields.remove(field))));
}
