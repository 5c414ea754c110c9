//! A moment in the past, as people write it.

use std::str::FromStr;
use std::time::Duration;

use shared::clock::Timestamp;

/// `24h`, `7d`, or an RFC 3339 time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    Ago(Duration),
    At(Timestamp),
}

impl Since {
    pub(crate) fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(duration) => now - duration,
            Self::At(time) => time,
        }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(time) = Timestamp::parse(text) {
            return Ok(Self::At(time));
        }
        duration(text).map(Self::Ago).ok_or_else(|| {
            "expected a duration such as 90s, 30m, 24h, 7d or 2w, or an RFC 3339 time such as \
             2026-11-20T06:00:00Z"
                .to_owned()
        })
    }
}

fn duration(text: &str) -> Option<Duration> {
    let seconds: u64 = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        'w' => 7 * 24 * 60 * 60,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_its_unit() {
        let now = Timestamp::parse("2026-11-20T06:00:00Z").unwrap();
        for (text, expected) in [
            ("90s", "2026-11-20T05:58:30Z"),
            ("30m", "2026-11-20T05:30:00Z"),
            ("24h", "2026-11-19T06:00:00Z"),
            ("7d", "2026-11-13T06:00:00Z"),
            ("2w", "2026-11-06T06:00:00Z"),
            ("2026-11-01T00:00:00+01:00", "2026-10-31T23:00:00Z"),
        ] {
            let since: Since = text.parse().unwrap();
            assert_eq!(since.before(now).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_was_expected() {
        for text in
            ["", "h", "24", "-1h", "+1h", "1.5h", "24 h", "yesterday", "1ä", "99999999999999999w"]
        {
            let refusal = text.parse::<Since>().unwrap_err();
            assert!(refusal.contains("24h"), "{text}: {refusal}");
        }
    }
}
