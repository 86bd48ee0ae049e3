//! A table on the terminal, which docs/figures.md takes as it is.

use std::fmt::Display;

/// Rows under a head.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        let head = head.iter().map(ToString::to_string).collect();
        Self { rows: vec![head] }
    }

    pub(crate) fn row(&mut self, cells: &[&dyn Display]) {
        let cells = cells.iter().map(ToString::to_string).collect();
        self.rows.push(cells);
    }

    pub(crate) fn print(&self, title: &str) {
        println!("\n## {title}\n");
        for (number, row) in self.rows.iter().enumerate() {
            println!("| {} |", row.join(" | "));
            if number == 0 {
                let line = row.iter().enumerate();
                let line = line.map(|(column, _)| if column == 0 { "---" } else { "---:" });
                println!("|{}|", line.collect::<Vec<_>>().join("|"));
            }
        }
    }
}
