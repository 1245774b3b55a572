//! What was measured, as Markdown, on the screen as it comes and in a file at the end.

#[derive(Default)]
pub(crate) struct Report(String);

impl Report {
    pub(crate) fn line(&mut self, text: &str) {
        println!("{text}");
        self.0 += text;
        self.0 += "\n";
    }

    pub(crate) fn table(&mut self, title: &str, columns: &[&str]) {
        self.line(&format!("\n### {title}\n"));
        self.row(columns);
        self.row(&columns.iter().map(|_| "---").collect::<Vec<_>>());
    }

    pub(crate) fn row<T: AsRef<str>>(&mut self, cells: &[T]) {
        let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
        self.line(&format!("| {} |", cells.join(" | ")));
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

/// With as many digits as are worth reading.
pub(crate) fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

pub(crate) fn or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), figure)
}
