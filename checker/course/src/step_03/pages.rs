//! Keyset pagination of the list.

use std::collections::HashSet;

use super::{complete, import_some};
use harness::api::{Api, ExtraServer};
use harness::check::{Check, check};
use harness::habit::Habit;
use harness::problem::expect_problem;
use model::Outcome;
use probe::Response;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("3.pages", "limit and after paginate the list: every habit once, in order, and no Link header on the last page")
            .stretch()
            .needs(&["1.list-order", "3.import"])
            .book("keyset-pages")
            .hints(&[
                "Keyset pagination: a page starts after the last habit of the previous page and has at most `limit` habits.",
                "Send `Link: </habits?limit=10&after=42>; rel=\"next\"` while there are more habits. To find out, query one row more than the page holds.",
            ])
            .proof(async |api| {
                let server = server_with_habits(api, 20).await?;
                let api = &server.api;
                let whole = ids(&api.list().await?.1);
                for (limit, pages) in [(7, 3), (10, 2), (20, 1), (64, 1), (1, 20)] {
                    let mut seen = Vec::new();
                    let mut count = 0;
                    let mut next = Some(format!("/habits?limit={limit}"));
                    while let Some(path) = next {
                        let (response, page, following) = page(api, &path).await?;
                        if page.len() > limit {
                            return Err(response.fail(format!("at most {limit} habits"), format!("{} habits", page.len())));
                        }
                        seen.extend(ids(&page));
                        count += 1;
                        if count == pages && following.is_some() {
                            return Err(response.fail(format!("no Link header on the last of {pages} pages"), "a Link to a next page"));
                        }
                        next = following;
                        if next.is_none() && seen != whole {
                            return Err(response.fail(format!("the ids {whole:?} in {pages} pages"), format!("the ids {seen:?}")));
                        }
                    }
                }
                let response = api.get("/habits").await?;
                match next_path(api, &response)? {
                    None => Ok(()),
                    Some(_) => Err(response.fail("no Link header without limit", "a Link to a next page")),
                }
            }),
        check(
            "3.pages-growing",
            "Pagination neither repeats nor skips a habit while others are added, changed and deleted between requests",
        )
        .stretch()
        .needs(&["3.pages"])
        .book("keyset-pages")
        .hints(&[
            "With `OFFSET 10`, deleting a row from an earlier page moves the eleventh row to the tenth place, and the next page skips it.",
            "Use keyset pagination: continue after a value that does not change, with `WHERE id > $1 ORDER BY id LIMIT $2`.",
        ])
        .proof(async |api| {
            let server = server_with_habits(api, 20).await?;
            let api = &server.api;
            let whole = ids(&api.list().await?.1);
            let (_, mut seen, mut next) =
                page(api, "/habits?limit=4").await.map(|(response, page, next)| (response, ids(&page), next))?;
            let mut deleted = HashSet::new();
            while let Some(path) = next {
                // The first habit seen, and the one after which the next page starts.
                for id in [seen.first(), seen.last()].into_iter().flatten().filter(|id| deleted.insert(**id)) {
                    api.delete(format!("/habits/{id}")).await?.status(204)?;
                }
                let added = api.any_habit().await?;
                complete(api, &added, super::days_ago(0)).await?;
                let (response, page, following) = page(api, &path).await?;
                seen.retain(|id| !deleted.contains(id));
                seen.extend(ids(&page));
                next = following.filter(|_| seen.len() < 60);
                let kept: Vec<i128> = whole.iter().copied().filter(|id| !deleted.contains(id)).collect();
                let old: Vec<i128> = seen.iter().copied().filter(|id| whole.contains(id)).collect();
                if !kept.starts_with(&old) {
                    return Err(response.fail(
                        format!("the ids {:?} so far", &kept[..old.len().min(kept.len())]),
                        format!("the ids {old:?}"),
                    ));
                }
                if old.len() == kept.len() {
                    return Ok(());
                }
                if next.is_none() {
                    return Err(response.fail(format!("the ids {kept:?} in all pages together"), format!("the ids {old:?}")));
                }
            }
            Ok(())
        }),
        check("3.pages-limits", "limit accepts 1 to 100; any other value is rejected with 400")
            .stretch()
            .needs(&["3.pages"])
            .book("keyset-pages")
            .hints(&["What would `limit=1000000` cost? The server sets the maximum page size, so validate `limit` and reject any value outside 1 to 100."])
            .proof(async |api| {
                for limit in ["1", "100"] {
                    api.get(format!("/habits?limit={limit}")).await?.status(200)?;
                }
                for limit in ["0", "101", "-1", "ten", "1.5", "99999999999999999999"] {
                    expect_problem(&api.get(format!("/habits?limit={limit}")).await?, [400, 422])?;
                }
                Ok(())
            }),
    ]
}

/// Starts a server on a database of its own with this many habits.
async fn server_with_habits(api: &Api, count: usize) -> Outcome<ExtraServer> {
    let server = api.start_instance(&[]).await?;
    import_some(&server.api, count).await?;
    Ok(server)
}

fn ids(habits: &[Habit]) -> Vec<i128> {
    habits.iter().map(|habit| habit.id).collect()
}

/// Reads a page: the response, its habits, and the path of the next page.
async fn page(api: &Api, path: &str) -> Outcome<(Response, Vec<Habit>, Option<String>)> {
    let response = api.get(path).await?;
    response.status(200)?;
    let habits = Habit::list(&response)?;
    let next = next_path(api, &response)?;
    Ok((response, habits, next))
}

/// The path in `Link: <…>; rel="next"` (RFC 8288), if there is one.
fn next_path(api: &Api, response: &Response) -> Outcome<Option<String>> {
    let fields = response.headers("link").collect::<Vec<_>>().join(", ");
    let Some(target) = next_target(&fields) else { return Ok(None) };
    let path = target.strip_prefix(api.http.base()).unwrap_or(target);
    match path.chars().next() {
        Some('/') => Ok(Some(path.to_owned())),
        Some('?') => Ok(Some(format!("/habits{path}"))),
        _ => Err(response.fail("a Link to a page on this server", format!("Link: {fields}"))),
    }
}

/// The target of the first link whose relation is `next`.
fn next_target(fields: &str) -> Option<&str> {
    fields.split('<').skip(1).find_map(|link| {
        let (target, parameters) = link.split_once('>')?;
        let is_next =
            parameters.split([';', ',']).filter_map(|parameter| parameter.trim().split_once('=')).any(|(name, value)| {
                let relations = value.trim().trim_matches('"');
                name.trim().eq_ignore_ascii_case("rel") && relations.split(' ').any(|one| one.eq_ignore_ascii_case("next"))
            });
        is_next.then_some(target)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_other_links() {
        assert_eq!(next_target(r#"</habits?after=3>; rel="next""#), Some("/habits?after=3"));
        assert_eq!(next_target("<?a=1,2>; rel=prev, <?a=7;b>; title=\"x\"; Rel=next"), Some("?a=7;b"));
        assert_eq!(next_target(r#"<http://h/habits?after=3>; rel="prev next""#), Some("http://h/habits?after=3"));
        assert_eq!(next_target(r#"</habits>; rel="first""#), None);
        assert_eq!(next_target(""), None);
    }
}
