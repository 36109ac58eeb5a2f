//! Errors of a configuration, with position and hint.

use std::ops::Range;
use std::path::PathBuf;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// The bytes of the file that are wrong.
    pub span: Option<Range<usize>>,
    /// What would be right.
    pub hint: Option<String>,
}

/// All that is wrong with one file.
#[derive(Debug)]
pub struct ConfigErrors {
    /// The file.
    pub path: PathBuf,
    /// Its text.
    pub source: String,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

impl std::fmt::Display for ConfigErrors {
    /// Every problem with its line, a caret and a hint, in the order of the file.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
            .with_width(100)
            .with_context_lines(1)
            .without_cause_chain();
        let mut problems: Vec<_> = self.problems.iter().collect();
        problems.sort_by_key(|p| p.span.as_ref().map_or(usize::MAX, |s| s.start));
        for problem in problems {
            let shown = Shown {
                problem,
                source: NamedSource::new(self.path.display().to_string(), self.source.clone()),
            };
            handler.render_report(f, &shown)?;
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Shown<'a> {
    problem: &'a Problem,
    source: NamedSource<String>,
}

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.problem.hint.as_ref().map(|h| Box::new(h) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.problem.span.as_ref().map(|_| &self.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.problem.span.clone()?;
        Some(Box::new(std::iter::once(LabeledSpan::underline(span))))
    }
}
