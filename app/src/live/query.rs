//! Live queries: rows that stay as fresh as the device is. While they are asked for again the
//! old ones stand, so nothing flickers.

use super::client::{Client, use_client};
use crate::weight::whenever;
use leptos::prelude::*;
use leptos::task::spawn_local;
use sync::limits::QUERY_ROWS_MAX;
use sync::local::{Answer, Ask, Failure, Found, Query, Tick};
use sync::table::Synced;

/// A row and how far its latest words have come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept<T> {
    /// The row.
    pub row: T,
    /// Its tick.
    pub tick: Tick,
}

/// What a live query has so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded<T> {
    /// Nothing yet.
    Waiting,
    /// This, as of the last change.
    Ready(T),
    /// Nothing, and why.
    Failed(Failure),
}

impl<T> Loaded<T> {
    /// What is there, if it is.
    pub const fn ready(&self) -> Option<&T> {
        match self {
            Self::Ready(value) => Some(value),
            Self::Waiting | Self::Failed(_) => None,
        }
    }
}

/// What is being asked.
#[derive(Default)]
struct Asking {
    query: Option<Query>,
    /// A loop is running.
    busy: bool,
    /// Something changed since the loop asked last.
    again: bool,
}

/// The rows that `query` names, asked for again whenever its table or its inputs change. Without
/// a query there is nothing to wait for. A query may want more rows than one answer holds.
pub fn use_query<T>(
    query: impl Fn() -> Option<Query> + Send + Sync + 'static,
) -> ReadSignal<Loaded<Vec<Kept<T>>>>
where
    T: Synced + Clone + PartialEq + Send + Sync + 'static,
{
    let client = use_client();
    let rows = RwSignal::new(Loaded::Waiting);
    let asking = StoredValue::new(Asking::default());
    let version = Memo::new(move |_| client.changes_of(T::TABLE.name));
    whenever(move || {
        // Read and not only tracked: a memo that was never read listens to nothing.
        version.get();
        let query = query();
        let idle = asking.try_update_value(|asking| {
            asking.query = query;
            asking.again = true;
            !std::mem::replace(&mut asking.busy, true)
        });
        if idle == Some(true) {
            spawn_local(keep_asking(client, asking, rows));
        }
    });
    rows.read_only()
}

/// Asks until nothing changes meanwhile. However fast changes come, one question is open at a
/// time; an answer to a question that nobody asks any more is passed over.
async fn keep_asking<T>(
    client: Client,
    asking: StoredValue<Asking>,
    rows: RwSignal<Loaded<Vec<Kept<T>>>>,
) where
    T: Synced + Clone + PartialEq + Send + Sync + 'static,
{
    loop {
        let next = asking.try_update_value(|asking| {
            let wanted = std::mem::take(&mut asking.again)
                .then(|| asking.query.clone())
                .flatten();
            asking.busy = wanted.is_some();
            wanted
        });
        // None at all: the page that asked is gone.
        let Some(Some(query)) = next else { return };
        let result = all_rows(client, &query).await;
        let current = asking.try_with_value(|asking| asking.query.as_ref() == Some(&query));
        if current == Some(true) {
            show(
                rows,
                result.map(|found| found.into_iter().filter_map(kept).collect()),
            );
        }
    }
}

fn show<T: PartialEq + Send + Sync + 'static>(
    rows: RwSignal<Loaded<Vec<Kept<T>>>>,
    result: Result<Vec<Kept<T>>, Failure>,
) {
    let loaded = match result {
        Ok(found) => Loaded::Ready(found),
        Err(failure) => {
            leptos::logging::warn!("{failure}");
            Loaded::Failed(failure)
        }
    };
    let stands = rows.try_with_untracked(|shown| {
        // Old rows are better than none.
        *shown == loaded || matches!((shown, &loaded), (Loaded::Ready(_), Loaded::Failed(_)))
    });
    if stands == Some(false) {
        rows.try_set(loaded);
    }
}

/// All rows of a query, in as many questions as it takes.
async fn all_rows(client: Client, query: &Query) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    loop {
        let limit = (query.limit - found.len()).min(QUERY_ROWS_MAX);
        let page = Query {
            offset: query.offset + found.len(),
            limit,
            ..query.clone()
        };
        let Answer::Rows(rows) = client.ask(Ask::Query(page)).await? else {
            return Ok(found);
        };
        let last = rows.len() < limit;
        found.extend(rows);
        if last || found.len() >= query.limit {
            return Ok(found);
        }
    }
}

fn kept<T: Synced>(found: Found) -> Option<Kept<T>> {
    match T::from_fields(found.key, &found.fields) {
        Ok(row) => Some(Kept {
            row,
            tick: found.tick,
        }),
        Err(error) => {
            leptos::logging::error!("{} {}: {error}", T::TABLE.name, found.key);
            None
        }
    }
}
