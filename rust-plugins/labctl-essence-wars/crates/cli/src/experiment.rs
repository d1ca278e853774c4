//! Folders of results: written whole, and named so that two never meet.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::Wrong;

/// Year, month, day, hour, minute, second of now, in UTC.
#[must_use]
pub fn now() -> (i64, u32, u32, u32, u32, u32) {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    civil(seconds)
}

/// The date of seconds since 1970, after Howard Hinnant's `civil_from_days`.
#[must_use]
pub fn civil(seconds: u64) -> (i64, u32, u32, u32, u32, u32) {
    let (days, rest) = ((seconds / 86_400) as i64, seconds % 86_400);
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = (doy - (153 * mp + 2) / 5 + 1) as u32;
    let month = if mp < 10 { mp + 3 } else { mp - 9 } as u32;
    let year = yoe + era * 400 + i64::from(month <= 2);
    (year, month, day, (rest / 3600) as u32, (rest / 60 % 60) as u32, (rest % 60) as u32)
}

/// The time as RFC 3339 writes it.
#[must_use]
pub fn timestamp() -> String {
    let (y, mo, d, h, mi, s) = now();
    format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}Z")
}

/// Make a folder `<base>/<date>_<name>` that was not there before.
///
/// # Errors
/// If it cannot be made, or the name is not one for a file.
pub fn fresh_folder(base: &Path, name: &str) -> Result<PathBuf, Wrong> {
    let fits = !name.is_empty()
        && name.len() <= 80
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if !fits {
        return Err(Wrong::option(
            "tag",
            format!("{name:?} has to be letters, digits, - _ . and at most 80 of them"),
        ));
    }
    let (y, mo, d, h, mi, _) = now();
    let says = |path: &Path, e: std::io::Error| {
        Wrong::new(path.display().to_string(), format!("cannot be made: {e}"))
    };
    fs::create_dir_all(base).map_err(|e| says(base, e))?;
    for number in 1..1000 {
        let end = if number == 1 { String::new() } else { format!("-{number}") };
        let path = base.join(format!("{y:04}-{mo:02}-{d:02}_{h:02}{mi:02}_{name}{end}"));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(says(&path, error)),
        }
    }
    Err(Wrong::new(base.display().to_string(), "has a thousand folders of this minute"))
}

/// Replace a file's content at once: the old content or the new one, never half of it.
///
/// # Errors
/// If it cannot be written; the old content stays.
pub fn write_whole(path: &Path, content: &str) -> Result<(), Wrong> {
    let says = |e: std::io::Error| Wrong::new(path.display().to_string(), format!("cannot be written: {e}"));
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let draft = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = (|| {
        let mut file = fs::File::create(&draft)?;
        file.write_all(content.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)
    })();
    written.map_err(|error| {
        let _ = fs::remove_file(&draft);
        says(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(civil(0), (1970, 1, 1, 0, 0, 0));
        assert_eq!(civil(951_827_696), (2000, 2, 29, 12, 34, 56));
        assert_eq!(civil(1_798_761_599), (2026, 12, 31, 23, 59, 59));
    }
}
