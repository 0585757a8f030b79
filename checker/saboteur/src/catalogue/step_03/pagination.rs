//! Wrong pagination of the list.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use hyper::Method;
use serde_json::Value;

use crate::api::routes::{deletes, lists};
use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [pages(), changing(), limits()].into_iter().flatten().collect()
}

fn pages() -> Vec<Sabotage> {
    let trips = &["3.pages"];
    let change_query = |name, breaks, change: fn(&mut Request)| wrong(name, trips, breaks).request(is_page, change);
    let on_success = |name, breaks, change: fn(&Request, &mut Response)| {
        wrong(name, trips, breaks).response(is_page, move |request, response| {
            if response.is_success() {
                change(request, response)
            }
        })
    };
    vec![
        change_query("limit-is-ignored", "`limit` is ignored.", |request| request.set_query_parameter("limit", None)),
        change_query("after-is-ignored", "`after` is ignored.", |request| request.set_query_parameter("after", None)),
        change_query("page-has-one-more", "A page has one habit more than `limit`.", |request| {
            if let Some(limit) = number(request, "limit").filter(|limit| (1..100).contains(limit)) {
                request.set_query_parameter("limit", Some(&(limit + 1).to_string()))
            }
        }),
        change_query("page-begins-with-the-last", "A page begins with the last habit of the previous page.", |request| {
            if let Some(after) = number(request, "after") {
                request.set_query_parameter("after", Some(&(after - 1).to_string()))
            }
        }),
        change_query("page-leaves-one-out", "A habit between two pages is on neither of them.", |request| {
            if let Some(after) = number(request, "after") {
                request.set_query_parameter("after", Some(&(after + 1).to_string()))
            }
        }),
        on_success("page-without-link", "A page has no Link to the next page.", |_, response| response.remove_header("link")),
        on_success("link-is-called-more", "The Link to the next page has the relation `more`.", |_, response| {
            if let Some(link) = response.header("link") {
                let link = link.replace("next", "more");
                response.set_header("link", &link)
            }
        }),
        on_success("last-page-has-a-link", "The last page has a Link to an empty next page.", |request, response| {
            if response.header("link").is_none() {
                add_link(request, response)
            }
        }),
        on_success("full-last-page-has-a-link", "A full last page has a Link to an empty next page.", |request, response| {
            if response.header("link").is_none() && count(response) == number(request, "limit") {
                add_link(request, response)
            }
        }),
        on_success("page-is-newest-first", "A page lists its habits in descending order.", |_, response| {
            response.edit_list(|list| list.reverse())
        }),
        on_success("link-forgets-the-limit", "The Link to the next page lacks the limit.", |_, response| {
            if let Some((_, after)) = response.header("link").and_then(|link| link.split_once("after=")) {
                let link = format!("</habits?after={after}");
                response.set_header("link", &link)
            }
        }),
        wrong("list-has-a-link", trips, "A list without limit has a Link to a next page.")
            .response(|request| lists(request) && request.query_parameter("limit").is_none(), add_link),
    ]
}

/// Adds a Link to the page after the last habit of a response.
fn add_link(request: &Request, response: &mut Response) {
    let last = response.json().and_then(|list| list.as_array()?.last()?.get("id")?.as_i64());
    let last = last.or(number(request, "after")).unwrap_or_default();
    let limit = request.query_parameter("limit").unwrap_or("20");
    response.set_header("link", &format!("</habits?limit={limit}&after={last}>; rel=\"next\""));
}

fn changing() -> Vec<Sabotage> {
    let trips = &["3.pages-growing"];
    let deleted: Rc<RefCell<BTreeSet<i64>>> = Rc::default();
    let noted = deleted.clone();
    vec![
        wrong("pages-count-rows", trips, "Pagination uses row offsets instead of a cursor.").instead(
            is_page,
            async |request, upstream| {
                let offset = number(&request, "offset").unwrap_or_default();
                page_of(
                    request,
                    upstream,
                    |list| drop(list.drain(..list.len().min(usize::try_from(offset).unwrap_or_default()))),
                    move |listed| format!("offset={}", offset + i64::try_from(listed.len()).unwrap_or_default()),
                )
                .await
            },
        ),
        wrong("pages-go-by-number", trips, "Pagination uses page numbers instead of a cursor.").instead(
            is_page,
            async |request, upstream| {
                let number = number(&request, "page").unwrap_or(1);
                let limit = request.query_parameter("limit").and_then(|limit| limit.parse().ok()).unwrap_or(1);
                let skipped = usize::try_from(number - 1).unwrap_or_default() * limit;
                page_of(
                    request,
                    upstream,
                    |list| drop(list.drain(..list.len().min(skipped))),
                    move |_| format!("page={}", number + 1),
                )
                .await
            },
        ),
        wrong("page-after-a-deleted-habit-is-empty", trips, "The page after a deleted habit is empty.")
            .response(deletes, move |request, response| {
                if response.is_success() {
                    noted.borrow_mut().extend(request.id())
                }
            })
            .response(is_page, move |request, response| {
                if number(request, "after").is_some_and(|after| deleted.borrow().contains(&after)) {
                    response.remove_header("link");
                    response.edit_list(|list| list.clear())
                }
            }),
        wrong("page-after-a-deleted-habit-is-404", trips, "The page after a deleted habit answers 404.").instead(
            is_page,
            async |request, upstream| {
                if let Some(after) = number(&request, "after") {
                    let habit = upstream.send(request.another(Method::GET, &format!("/habits/{after}"), None)).await?;
                    if habit.status() == 404 {
                        return upstream.problem(&request, 404, "There is no such habit.").await;
                    }
                }
                upstream.send(request).await
            },
        ),
        wrong("page-after-a-deleted-habit-is-the-first", trips, "The page after a deleted habit is the first page.").instead(
            is_page,
            async |mut request, upstream| {
                if let Some(after) = number(&request, "after") {
                    let habit = upstream.send(request.another(Method::GET, &format!("/habits/{after}"), None)).await?;
                    if habit.status() == 404 {
                        request.set_query_parameter("after", None);
                    }
                }
                upstream.send(request).await
            },
        ),
    ]
}

/// A page of the whole list. `skip` removes the habits before it, `next` returns the query parameter of the next page.
async fn page_of(
    request: Request,
    upstream: &Upstream,
    skip: impl FnOnce(&mut Vec<Value>),
    next: impl FnOnce(&[Value]) -> String,
) -> Result<Response, ConnectionLost> {
    let limit = request.query_parameter("limit").unwrap_or_default().to_owned();
    let Some(most) = limit.parse::<usize>().ok().filter(|most| (1..=100).contains(most)) else {
        return upstream.send(request).await;
    };
    let mut response = upstream.send(request.another(Method::GET, "/habits", None)).await?;
    let mut link = None;
    response.edit_list(|list| {
        skip(list);
        if list.len() > most {
            list.truncate(most);
            link = Some(format!("</habits?limit={limit}&{}>; rel=\"next\"", next(list)));
        }
    });
    if let Some(link) = link {
        response.set_header("link", &link);
    }
    Ok(response)
}

fn limits() -> Vec<Sabotage> {
    let trips = &["3.pages-limits"];
    let replace_limit = |name, breaks, is_replaced: fn(&str) -> bool, replacement: Option<&'static str>| {
        wrong(name, trips, breaks).request(is_page, move |request| {
            if request.query_parameter("limit").is_some_and(is_replaced) {
                request.set_query_parameter("limit", replacement)
            }
        })
    };
    let reject_limit = |name, breaks, is_rejected: fn(&str) -> bool| {
        wrong(name, trips, breaks).response(is_page, move |request, response| {
            if request.query_parameter("limit").is_some_and(is_rejected) {
                response.set_problem(400, "limit is out of range")
            }
        })
    };
    vec![
        replace_limit("limit-0-means-all", "A limit of 0 means the whole list.", |limit| limit == "0", None),
        replace_limit("limit-is-cut-to-100", "A limit above 100 is clamped to 100.", |limit| limit == "101", Some("100")),
        replace_limit(
            "limit-has-no-end",
            "Any limit above 100 is accepted.",
            |limit| limit.parse().is_ok_and(|limit: i128| limit > 100),
            None,
        ),
        replace_limit("negative-limit-means-all", "A negative limit means the whole list.", |limit| limit.starts_with('-'), None),
        replace_limit(
            "limit-that-is-a-word-is-ignored",
            "A limit that is not a number is ignored.",
            |limit| limit == "ten",
            None,
        ),
        replace_limit("limit-is-rounded", "A limit of 1.5 is rounded down to 1.", |limit| limit == "1.5", Some("1")),
        replace_limit("huge-limit-is-ignored", "A limit of more than 64 bits is ignored.", |limit| limit.len() > 18, None),
        reject_limit("limit-100-is-refused", "A limit of 100 is rejected.", |limit| limit == "100"),
        wrong("limit-that-is-a-word-answers-500", trips, "A limit that is not a number answers 500.").response(
            is_page,
            |request, response| {
                if request.query_parameter("limit").is_some_and(|limit| limit.parse::<f64>().is_err()) {
                    response.set_problem(500, "Something went wrong.")
                }
            },
        ),
        wrong("refused-limit-is-no-problem", trips, "The 400 for an invalid limit is not problem details.").response(
            is_page,
            |_, response| {
                if response.status() == 400 {
                    response.set_plain_error(400, "bad limit")
                }
            },
        ),
    ]
}

/// Whether a request asks for a page of the list.
fn is_page(request: &Request) -> bool {
    lists(request) && request.head.uri.query().is_some()
}

fn number(request: &Request, name: &str) -> Option<i64> {
    request.query_parameter(name)?.parse().ok()
}

fn count(response: &Response) -> Option<i64> {
    response.json()?.as_array().and_then(|list| i64::try_from(list.len()).ok())
}
