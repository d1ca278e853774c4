//! What is wrong with a file or an option, and where.

use std::fmt;
use std::ops::Range;

/// A mistake in what was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The file, as it was named; empty for an option.
    pub file: String,
    /// The line, from 1; 0 if it is about the whole file.
    pub line: usize,
    /// The field or option.
    pub field: String,
    /// What is wrong.
    pub what: String,
}

impl Wrong {
    /// A mistake that is about no place in a file.
    pub fn new(file: impl Into<String>, what: impl Into<String>) -> Self {
        Self { file: file.into(), line: 0, field: String::new(), what: what.into() }
    }

    /// A wrong option.
    pub fn option(name: &str, what: impl Into<String>) -> Self {
        Self { file: String::new(), line: 0, field: name.into(), what: what.into() }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}", self.file)?;
            if self.line > 0 {
                write!(f, ":{}", self.line)?;
            }
            write!(f, ": ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{}", self.what)
    }
}

impl std::error::Error for Wrong {}

/// A text with its name, to say where something in it is.
pub struct Source<'a> {
    /// What the file is called.
    pub name: &'a str,
    /// What it holds.
    pub text: &'a str,
}

impl Source<'_> {
    /// A mistake at a place.
    #[must_use]
    pub fn wrong(&self, span: Range<usize>, field: &str, what: impl Into<String>) -> Wrong {
        Wrong { file: self.name.into(), line: self.line(span.start), field: field.into(), what: what.into() }
    }

    /// A mistake that the parser found.
    #[must_use]
    pub fn unreadable(&self, error: &toml::de::Error) -> Wrong {
        let line = error.span().map_or(0, |span| self.line(span.start));
        let what = error.message().trim().replace('\n', " ");
        Wrong { file: self.name.into(), line, field: String::new(), what }
    }

    fn line(&self, at: usize) -> usize {
        1 + self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|&&byte| byte == b'\n').count()
    }
}
