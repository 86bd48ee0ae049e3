//! What is kept of a person besides rows: the texts that edits begin from, and the answers to
//! their devices' changes.

use crate::error::Error;
use crate::store::export::{KeptAnswer, KeptText};
use crate::store::{ScopeKey, Store};
use serde_json::json;

/// Which of the two is being written, and how far that is.
#[derive(Debug)]
enum Stage {
    Texts((String, String)),
    Answers(String),
    Done,
}

/// What is still to be written of one person's scope.
#[derive(Debug)]
pub(super) struct Records {
    scope: ScopeKey,
    stage: Option<Stage>,
    wrote_one: bool,
}

impl Records {
    pub(super) const fn of(scope: ScopeKey) -> Self {
        Self {
            scope,
            stage: None,
            wrote_one: false,
        }
    }

    /// The next part; nothing once all is written.
    pub(super) async fn next(&mut self, store: &Store) -> Result<Option<String>, Error> {
        match &self.stage {
            None => {
                self.stage = Some(Stage::Texts(Default::default()));
                Ok(Some("},\"texts\":[".to_owned()))
            }
            Some(Stage::Texts(after)) => {
                let page = store.texts_after(&self.scope, after).await?;
                let Some(last) = page.last() else {
                    self.stage = Some(Stage::Answers(String::new()));
                    self.wrote_one = false;
                    return Ok(Some("],\"answers\":[".to_owned()));
                };
                self.stage = Some(Stage::Texts((last.op_id.clone(), last.field.clone())));
                self.listed(page.iter().map(text)).map(Some)
            }
            Some(Stage::Answers(after)) => {
                let page = store.answers_after(&self.scope, after).await?;
                let Some(last) = page.last() else {
                    self.stage = Some(Stage::Done);
                    return Ok(Some("]".to_owned()));
                };
                self.stage = Some(Stage::Answers(last.op_id.clone()));
                self.listed(page.iter().map(answer)).map(Some)
            }
            Some(Stage::Done) => Ok(None),
        }
    }

    /// These with commas between them, and before them if there were others.
    fn listed(
        &mut self,
        items: impl Iterator<Item = Result<serde_json::Value, Error>>,
    ) -> Result<String, Error> {
        let mut text = String::new();
        for item in items {
            if self.wrote_one {
                text.push(',');
            }
            text.push_str(&item?.to_string());
            self.wrote_one = true;
        }
        Ok(text)
    }
}

fn text(kept: &KeptText) -> Result<serde_json::Value, Error> {
    let text = serde_json::to_value(kept);
    text.map_err(|_| Error::Internal("a text that cannot be written"))
}

fn answer(kept: &KeptAnswer) -> Result<serde_json::Value, Error> {
    let outcome: serde_json::Value = serde_json::from_str(&kept.outcome)
        .map_err(|_| Error::corrupt("an outcome that cannot be read"))?;
    Ok(json!({
        "op_id": kept.op_id,
        "lsn": kept.lsn,
        "outcome": outcome,
        "claimed": kept.claimed,
        "at_ms": kept.at_ms,
    }))
}
