//! Days and times in words, as C's `strftime` writes them in English.

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// The date and time in UTC `seconds` after 1970 began, as `strftime` writes it; an unknown directive stays as it is.
pub fn strftime(format: &str, seconds: u64) -> String {
    let (mut out, mut rest) = (String::new(), format);
    while let Some((before, directive)) = rest.split_once('%') {
        out.push_str(before);
        // glibc's minus takes zeros and spaces from the front.
        let unpadded = directive.strip_prefix('-');
        let mut after = unpadded.unwrap_or(directive).chars();
        if let Some(part) = after.next().and_then(|letter| part(letter, seconds)) {
            let bare = part.trim_start_matches(['0', ' ']);
            let bare = if bare.is_empty() { "0" } else { bare };
            out.push_str(if unpadded.is_some() { bare } else { &part });
            rest = after.as_str();
        } else {
            out.push('%');
            rest = directive;
        }
    }
    out + rest
}

/// What a letter after the sign stands for.
fn part(letter: char, seconds: u64) -> Option<String> {
    let days = seconds / 86_400;
    let Date { year, month, day } = date(days.min(1 << 30));
    let (month_name, day_name) = (MONTHS[month - 1], DAYS[(days % 7) as usize]);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    Some(match letter {
        'Y' => year.to_string(),
        'y' => format!("{:02}", year % 100),
        'm' => format!("{month:02}"),
        'd' => format!("{day:02}"),
        'e' => format!("{day:2}"),
        'B' => month_name.to_owned(),
        'b' | 'h' => month_name[..3].to_owned(),
        'A' => day_name.to_owned(),
        'a' => day_name[..3].to_owned(),
        'H' => format!("{hour:02}"),
        'I' => format!("{:02}", (hour + 11) % 12 + 1),
        'p' => if hour < 12 { "AM" } else { "PM" }.to_owned(),
        'M' => format!("{minute:02}"),
        'S' => format!("{second:02}"),
        'F' => format!("{year}-{month:02}-{day:02}"),
        'T' => format!("{hour:02}:{minute:02}:{second:02}"),
        '%' => "%".to_owned(),
        _ => return None,
    })
}

struct Date {
    year: u64,
    month: usize,
    day: u64,
}

/// The date `days` after 1 January 1970 (Hinnant 2014, `civil_from_days`).
const fn date(days: u64) -> Date {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    Date { year, month: month as usize, day }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, want) in [
            (0, "1970-01-01 Thu 01 Jan 00:00:00"),
            (951_782_400, "2000-02-29 Tue 29 Feb 00:00:00"),
            (1_709_251_199, "2024-02-29 Thu 29 Feb 23:59:59"),
            (4_102_444_800, "2100-01-01 Fri 01 Jan 00:00:00"),
        ] {
            assert_eq!(strftime("%Y-%m-%d %a %d %b %H:%M:%S", seconds), want);
        }
        assert_eq!(
            strftime("%A %B %y %F %% %q % %-q %", 86_400),
            "Friday January 70 1970-01-02 % %q % %-q %"
        );
        assert_eq!(strftime("%e %-d %-H %I %p %T", 86_400), " 2 2 0 12 AM 00:00:00");
        assert_eq!(strftime("%I %p %-I", 46_800), "01 PM 1");
    }
}
