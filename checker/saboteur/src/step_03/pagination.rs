//! Wrong ways to give a list in pages.

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
    [pages(), growing(), limits()].into_iter().flatten().collect()
}

fn pages() -> Vec<Sabotage> {
    let trips = &["3.pages"];
    let asked = |name, breaks, change: fn(&mut Request)| wrong(name, trips, breaks).request(is_page, change);
    let answered = |name, breaks, change: fn(&Request, &mut Response)| {
        wrong(name, trips, breaks).response(is_page, move |request, response| {
            if response.is_success() {
                change(request, response)
            }
        })
    };
    vec![
        asked("limit-is-ignored", "`limit` is ignored.", |request| request.set_query_parameter("limit", None)),
        asked("after-is-ignored", "`after` is ignored.", |request| request.set_query_parameter("after", None)),
        asked("page-has-one-more", "A page has one habit more than `limit`.", |request| {
            if let Some(limit) = number(request, "limit").filter(|limit| (1..100).contains(limit)) {
                request.set_query_parameter("limit", Some(&(limit + 1).to_string()))
            }
        }),
        asked("page-begins-with-the-last", "A page begins with the last habit of the page before.", |request| {
            if let Some(after) = number(request, "after") {
                request.set_query_parameter("after", Some(&(after - 1).to_string()))
            }
        }),
        asked("page-leaves-one-out", "A habit between two pages is on neither.", |request| {
            if let Some(after) = number(request, "after") {
                request.set_query_parameter("after", Some(&(after + 1).to_string()))
            }
        }),
        answered("page-without-link", "A page has no Link to the next.", |_, response| response.remove_header("link")),
        answered("link-is-called-more", "The Link to the next page has the relation `more`.", |_, response| {
            if let Some(link) = response.header("link") {
                let link = link.replace("next", "more");
                response.set_header("link", &link)
            }
        }),
        answered("last-page-has-a-link", "The last page has a Link to a next one, which is empty.", |request, response| {
            if response.header("link").is_none() {
                link_on(request, response)
            }
        }),
        answered("full-last-page-has-a-link", "The last page has a Link to a next one if it is full.", |request, response| {
            if response.header("link").is_none() && count(response) == number(request, "limit") {
                link_on(request, response)
            }
        }),
        answered("page-is-newest-first", "A page lists the newest of its habits first.", |_, response| {
            response.edit_list(|list| list.reverse())
        }),
        answered("link-forgets-the-limit", "The Link to the next page has no limit.", |_, response| {
            if let Some((_, after)) = response.header("link").and_then(|link| link.split_once("after=")) {
                let link = format!("</habits?after={after}");
                response.set_header("link", &link)
            }
        }),
        wrong("list-has-a-link", trips, "A list that nobody limited has a Link to a next page.")
            .response(|request| lists(request) && request.query_parameter("limit").is_none(), link_on),
    ]
}

/// Adds a Link to what comes after the last habit of an answer.
fn link_on(request: &Request, response: &mut Response) {
    let last = response.json().and_then(|list| list.as_array()?.last()?.get("id")?.as_i64());
    let last = last.or(number(request, "after")).unwrap_or_default();
    let limit = request.query_parameter("limit").unwrap_or("20");
    response.set_header("link", &format!("</habits?limit={limit}&after={last}>; rel=\"next\""));
}

fn growing() -> Vec<Sabotage> {
    let trips = &["3.pages-growing"];
    let deleted: Rc<RefCell<BTreeSet<i64>>> = Rc::default();
    let noted = deleted.clone();
    vec![
        wrong("pages-count-rows", trips, "The next page begins after as many rows as were listed.").instead(
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
        wrong("pages-go-by-number", trips, "Pages are numbered: the next one begins after so many whole pages.").instead(
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
        wrong("page-after-a-deleted-habit-is-empty", trips, "Nothing comes after a habit that is gone.")
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
        wrong("page-after-a-deleted-habit-is-404", trips, "A page after a habit that is gone answers 404.").instead(
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
        wrong("page-after-a-deleted-habit-is-the-first", trips, "After a habit that is gone the list begins anew.").instead(
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

/// A page cut out of the whole list: `skip` takes away what comes before it, `next` tells where the next one is.
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
    let taken = |name, breaks, is_taken: fn(&str) -> bool, as_: Option<&'static str>| {
        wrong(name, trips, breaks).request(is_page, move |request| {
            if request.query_parameter("limit").is_some_and(is_taken) {
                request.set_query_parameter("limit", as_)
            }
        })
    };
    let refused = |name, breaks, is_refused: fn(&str) -> bool| {
        wrong(name, trips, breaks).response(is_page, move |request, response| {
            if request.query_parameter("limit").is_some_and(is_refused) {
                response.set_problem(400, "limit is out of range")
            }
        })
    };
    vec![
        taken("limit-0-means-all", "A limit of 0 means the whole list.", |limit| limit == "0", None),
        taken("limit-is-cut-to-100", "A limit above 100 is taken for 100.", |limit| limit == "101", Some("100")),
        taken(
            "limit-has-no-end",
            "Any limit above 100 is accepted.",
            |limit| limit.parse().is_ok_and(|limit: i128| limit > 100),
            None,
        ),
        taken("negative-limit-means-all", "A negative limit means the whole list.", |limit| limit.starts_with('-'), None),
        taken("limit-that-is-a-word-is-ignored", "A limit that is no number is ignored.", |limit| limit == "ten", None),
        taken("limit-is-rounded", "A limit of 1.5 is taken for 1.", |limit| limit == "1.5", Some("1")),
        taken("huge-limit-is-ignored", "A limit of more than 64 bits is ignored.", |limit| limit.len() > 18, None),
        refused("limit-100-is-refused", "A limit of 100 is refused.", |limit| limit == "100"),
        wrong("limit-that-is-a-word-answers-500", trips, "A limit that is no number answers 500.").response(
            is_page,
            |request, response| {
                if request.query_parameter("limit").is_some_and(|limit| limit.parse::<f64>().is_err()) {
                    response.set_problem(500, "Something went wrong.")
                }
            },
        ),
        wrong("refused-limit-is-no-problem", trips, "The 400 of a wrong limit is no problem details.").response(
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
