//! Stages of a longer chore: each is done even when one before it failed, and a table tells at the end how each went.

use std::time::Instant;

use anyhow::{Result, bail};

/// The stages done so far.
#[derive(Default)]
pub(crate) struct Stages(Vec<Stage>);

struct Stage {
    name: String,
    seconds: f64,
    passed: bool,
}

impl Stages {
    /// Does a stage; its result is kept for the table, and returned for stages that build on it.
    pub(crate) fn stage<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Option<T> {
        eprintln!("\n== {name}");
        let began = Instant::now();
        let done = work();
        if let Err(error) = &done {
            eprintln!("FAILED {name}: {error:#}");
        }
        self.0.push(Stage {
            name: name.to_owned(),
            seconds: began.elapsed().as_secs_f64(),
            passed: done.is_ok(),
        });
        done.ok()
    }

    /// The table, with the closing line that CI reads.
    fn table(&self) -> String {
        let width = self
            .0
            .iter()
            .map(|stage| stage.name.chars().count())
            .max()
            .unwrap_or(0);
        let mut table = String::from("\n");
        for stage in &self.0 {
            let result = if stage.passed { "passed" } else { "FAILED" };
            table += &format!(
                "{:width$}  {:>7.1} s  {result}\n",
                stage.name, stage.seconds
            );
        }
        let passed = self.0.iter().filter(|stage| stage.passed).count();
        table + &format!("{passed} passed, {} failed", self.0.len() - passed)
    }

    /// Prints the table; an error if a stage failed.
    pub(crate) fn conclude(&self) -> Result<()> {
        println!("{}", self.table());
        if self.0.iter().all(|stage| stage.passed) {
            return Ok(());
        }
        bail!("What failed has told why above, after its `==` line")
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::Stages;

    #[test]
    fn the_closing_line_counts_and_one_failure_fails_the_chore() {
        let mut stages = Stages::default();
        assert_eq!(stages.stage("one", || Ok(1)), Some(1));
        stages.conclude().unwrap();
        assert_eq!(
            stages.stage("two", || -> anyhow::Result<()> { bail!("no") }),
            None
        );
        assert!(stages.table().ends_with("1 passed, 1 failed"));
        assert!(stages.conclude().is_err());
    }
}
