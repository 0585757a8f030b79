//! Shrinks a failing input while it still fails.

/// A value that can be shrunk.
pub trait Shrink: Clone {
    /// Smaller variants, the smallest first.
    fn smaller(&self) -> Vec<Self>;
}

/// The smallest failing value found, after at most `tries` calls of `fails`.
pub async fn shrink<S: Shrink>(mut failing: S, tries: &mut usize, mut fails: impl AsyncFnMut(&S) -> bool) -> S {
    'smaller: loop {
        for candidate in failing.smaller() {
            if *tries == 0 {
                return failing;
            }
            *tries -= 1;
            if fails(&candidate).await {
                failing = candidate;
                continue 'smaller;
            }
        }
        return failing;
    }
}

#[cfg(test)]
mod tests {
    use super::super::draft::Draft;
    use super::super::mutate::{Case, Kind, Mutation};
    use super::*;

    fn draft(path: &str, body: &str) -> Draft {
        let headers = vec![("content-type".into(), "application/json".into()), ("accept".into(), ";;".into())];
        Draft { method: "POST".into(), path: path.into(), headers, body: Some(body.into()), declared_length: None }
    }

    #[tokio::test]
    async fn a_body_shrinks_to_the_failing_character() {
        let first = draft("/habits?limit=7", r#"{"name": "water \u0000 plants", "description": ["many", "words"], "x": 1e99}"#);
        let mut tries = 2_000;
        let smallest = shrink(first, &mut tries, async |draft| {
            let body = draft.body.as_deref().unwrap_or_default();
            let json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
            json["name"].as_str().is_some_and(|name| name.contains('\0'))
        })
        .await;
        assert_eq!(smallest.body.as_deref(), Some(&br#"{"name":"\u0000"}"#[..]));
        assert_eq!((smallest.path.as_str(), smallest.headers.len()), ("/", 0));
    }

    #[tokio::test]
    async fn a_request_shrinks_to_the_failing_query() {
        let first = draft("/habits?from=2026&limit=%00&to=x", "{}");
        let mut tries = 2_000;
        let smallest =
            shrink(first, &mut tries, async |draft| draft.path.starts_with("/habits") && draft.path.contains("limit=%00")).await;
        assert_eq!((smallest.path.as_str(), smallest.body), ("/habitslimit=%00", None));
    }

    #[tokio::test]
    async fn harmless_mutations_are_removed_and_the_others_shrink() {
        let mutation = |kind, size| Mutation { kind, seed: 7, size };
        let case =
            Case { base: 0, mutations: vec![mutation(Kind::Bom, 1), mutation(Kind::Deep, 10_000), mutation(Kind::Query, 1)] };
        let is_deep = async |case: &Case| case.mutations.iter().any(|one| one.kind == Kind::Deep && one.size >= 100);
        let smallest = shrink(case, &mut 200, is_deep).await;
        assert_eq!(smallest.mutations, [mutation(Kind::Deep, 156)]);
    }

    #[tokio::test]
    async fn shrinking_stops_after_the_number_of_tries() {
        let mut calls = 0;
        let whole = draft("/habits", "{\"name\": \"water\"}");
        let same = shrink(whole.clone(), &mut 5, async |_| {
            calls += 1;
            false
        })
        .await;
        assert_eq!((same, calls), (whole, 5));
    }
}
