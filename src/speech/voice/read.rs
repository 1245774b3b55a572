//! Times, dates, money and the like as people read them out. Pure; a word at a time, with a look at the next one.

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const ORDINALS: [(&str, &str); 9] = [
    ("one", "first"),
    ("two", "second"),
    ("three", "third"),
    ("five", "fifth"),
    ("eight", "eighth"),
    ("nine", "ninth"),
    ("twelve", "twelfth"),
    ("twenty", "twentieth"),
    ("thirty", "thirtieth"),
];
/// Sign or code, one of it, more of it.
const MONEY: [(&str, &str, &str); 7] = [
    ("$", "dollar", "dollars"),
    ("€", "euro", "euros"),
    ("£", "pound", "pounds"),
    ("USD", "dollar", "dollars"),
    ("EUR", "euro", "euros"),
    ("GBP", "pound", "pounds"),
    ("CHF", "franc", "francs"),
];
const MAGNITUDES: [&str; 4] = ["thousand", "million", "billion", "trillion"];
/// Behind a number.
const UNITS: [(&str, &str); 10] = [
    ("%", " percent"),
    ("°C", " degrees Celsius"),
    ("°F", " degrees Fahrenheit"),
    ("°", " degrees"),
    ("km", " kilometers"),
    ("kg", " kilograms"),
    ("€", " euros"),
    ("GB", " gigabytes"),
    ("MB", " megabytes"),
    ("hrs", " hours"),
];

/// The sentence with everything that is not read as it is written replaced by words. Numbers to dial are left for the next step.
pub(super) fn read_out(sentence: &str) -> String {
    let words: Vec<&str> = sentence.split(' ').collect();
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        let (before, core, after) = parts(words[at]);
        let next = words.get(at + 1).map(|next| parts(next));
        match read(core, next.filter(|_| after.is_empty())) {
            Some((said, false)) => out.push(format!("{before}{said}{after}")),
            Some((said, true)) => {
                out.push(format!("{before}{said}{}", next.map_or("", |(_, _, after)| after)));
                at += 1;
            }
            None => out.push(words[at].to_owned()),
        }
        at += 1;
    }
    out.join(" ")
}

/// Opening marks, the word, closing marks.
fn parts(word: &str) -> (&str, &str, &str) {
    let core = word.trim_start_matches(['(', '"', '“', '\'', '[']);
    let before = &word[..word.len() - core.len()];
    let trimmed = core.trim_end_matches(['.', ',', '!', '?', ';', ':', ')', '"', '”', ']', '…']);
    // The stops of "a.m." belong to it.
    let trimmed =
        if is_half_day(core.trim_end_matches([',', ';', ':', ')', '?', '!'])).is_some() && core.ends_with('.') { core } else { trimmed };
    (before, trimmed, &core[trimmed.len()..])
}

/// What is said for a word, and whether the next one is said with it.
fn read(word: &str, next: Option<(&str, &str, &str)>) -> Option<(String, bool)> {
    let follows = next.filter(|(before, _, _)| before.is_empty()).map(|(_, core, _)| core);
    if let Some((hour, minute, own)) = clock(word) {
        let half = own.or_else(|| follows.and_then(is_half_day));
        return Some((time(hour, minute, half), own.is_none() && half.is_some()));
    }
    if let (Some(hour), Some(half)) = (number(word).filter(|hour| (1..=12).contains(hour)), follows.and_then(is_half_day)) {
        return Some((time(hour, 0, Some(half)), true));
    }
    if let Some(sum) = large_sum(word, follows) {
        return Some((sum, true));
    }
    let code = MONEY.iter().find(|(code, _, _)| *code == word && code.len() == 3);
    if let (Some((_, one, more)), Some(amount)) = (code, follows.filter(|next| is_decimal(next))) {
        return Some((format!("{amount} {}", if amount == "1" { one } else { more }), true));
    }
    let alone = date(word).or_else(|| address(word)).or_else(|| measured(word)).or_else(|| range(word)).or_else(|| spelled(word));
    alone.or_else(|| sign(word)).map(|said| (said, false))
}

fn number(word: &str) -> Option<u32> {
    (word.len() <= 4 && !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())).then(|| word.parse().ok()).flatten()
}

fn is_decimal(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_ascii_digit())
        && word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','))
}

fn is_half_day(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "am" | "a.m." | "a.m" => Some("AM"),
        "pm" | "p.m." | "p.m" => Some("PM"),
        _ => None,
    }
}

/// `9:30`, `14:00`, `9:30pm`, `9am`.
fn clock(word: &str) -> Option<(u32, u32, Option<&'static str>)> {
    let digits = word.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() || letter == '.');
    let half = is_half_day(&word[digits.len()..]);
    if half.is_none() && digits.len() != word.len() {
        return None;
    }
    let (hour, minute) = match digits.split_once(':') {
        Some((hour, minute)) if minute.len() == 2 => (number(hour)?, number(minute)?),
        Some(_) => return None,
        None => (half.and_then(|_| number(digits))?, 0),
    };
    (hour < 24 && minute < 60 && digits.find(':').is_none_or(|at| at <= 2)).then_some((hour, minute, half))
}

fn time(hour: u32, minute: u32, half: Option<&str>) -> String {
    let half = half.or(match hour {
        0 => Some("AM"),
        13.. => Some("PM"),
        _ => None,
    });
    let said = words(match hour % 12 {
        0 => 12,
        hour => hour,
    });
    let minutes = match (minute, half) {
        (0, None) => " o'clock".to_owned(),
        (0, Some(_)) => String::new(),
        (1..10, _) => format!(" oh {}", words(minute)),
        _ => format!(" {}", words(minute)),
    };
    format!("{said}{minutes}{}", half.map(|half| format!(" {half}")).unwrap_or_default())
}

/// `2026-11-23` and, in American order, `11/23/2026`.
fn date(word: &str) -> Option<String> {
    let numbers = |separator| word.split(separator).map(number).collect::<Option<Vec<u32>>>();
    let (year, month, day) = match (numbers('-').as_deref(), numbers('/').as_deref()) {
        (Some(&[year, month, day]), _) if word.len() == 10 && year >= 1_000 => (year, month, day),
        (_, Some(&[month, day, year])) => (if year < 100 { 2_000 + year } else { year }, month, day),
        _ => return None,
    };
    let name = MONTHS.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    (1..=31).contains(&day).then(|| format!("{name} {}, {}", ordinal(day), year_words(year)))
}

fn year_words(year: u32) -> String {
    let (century, rest) = (year / 100, year % 100);
    match (century, rest) {
        (20, 0..10) if rest > 0 => format!("two thousand {}", words(rest)),
        (20, 0) => "two thousand".to_owned(),
        (_, 0) => format!("{} hundred", words(century)),
        (_, 1..10) => format!("{} oh {}", words(century), words(rest)),
        _ => format!("{} {}", words(century), words(rest)),
    }
}

/// Mail addresses and pages.
fn address(word: &str) -> Option<String> {
    let page = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://")).or_else(|| word.starts_with("www.").then_some(word));
    let mail = word.split_once('@').filter(|(user, host)| !user.is_empty() && host.contains('.')).map(|_| word);
    let plain = mail.or(page)?.trim_end_matches('/');
    let said = plain.chars().map(|letter| match letter {
        '@' => " at ".to_owned(),
        '.' => " dot ".to_owned(),
        '-' => " dash ".to_owned(),
        '_' => " underscore ".to_owned(),
        '/' => " slash ".to_owned(),
        '+' => " plus ".to_owned(),
        digit if digit.is_ascii_digit() => format!(" {} ", SMALL[digit.to_digit(10).unwrap_or(0) as usize]),
        letter => letter.to_string(),
    });
    let said: String = said.collect();
    let said = said.split_whitespace().map(|part| if part == "www" { "W W W" } else { part }).collect::<Vec<_>>().join(" ");
    Some(said)
}

/// `$2.5 million`.
fn large_sum(word: &str, follows: Option<&str>) -> Option<String> {
    let magnitude = follows.filter(|next| MAGNITUDES.contains(next))?;
    let (_, _, more) = MONEY.iter().find(|(sign, _, _)| word.starts_with(sign))?;
    let amount = word.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    is_decimal(amount).then(|| format!("{amount} {magnitude} {more}"))
}

/// A number and its unit.
fn measured(word: &str) -> Option<String> {
    let amount = word.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let (unit, sign) = (&word[amount.len()..], amount.strip_prefix(['-', '−']));
    let (_, said) = UNITS.iter().find(|(written, _)| *written == unit)?;
    let amount = sign.unwrap_or(amount);
    is_decimal(amount).then(|| format!("{}{amount}{said}", if sign.is_some() { "minus " } else { "" }))
}

/// `9-5`, `10–15`, `24/7`; longer ones are numbers to dial.
fn range(word: &str) -> Option<String> {
    if word == "24/7" {
        return Some("twenty four seven".to_owned());
    }
    let (from, to) = word.split_once(['-', '–']).filter(|(from, to)| from.len() + to.len() < 7)?;
    (number(from).is_some() && number(to).is_some()).then(|| format!("{from} to {to}"))
}

/// Codes of capitals and digits, as `AB12345` or `X7K9`: letter by letter.
fn spelled(word: &str) -> Option<String> {
    let letters = word.chars().filter(char::is_ascii_uppercase).count();
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let code = letters >= 1
        && digits >= 2
        && word.chars().count() >= 4
        && word.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '-');
    if !code {
        return None;
    }
    let names = word.chars().filter(|letter| *letter != '-').map(|letter| match letter.to_digit(10) {
        Some(digit) => SMALL[digit as usize].to_owned(),
        None => letter.to_string(),
    });
    Some(names.collect::<Vec<_>>().join(" "))
}

fn sign(word: &str) -> Option<String> {
    let numbered = word.strip_prefix('#').filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()) && !rest.is_empty());
    match word {
        "&" => Some("and".to_owned()),
        "+" => Some("plus".to_owned()),
        "=" => Some("equals".to_owned()),
        _ => numbered.map(|number| format!("number {number}")),
    }
}

/// Below ten thousand.
fn words(number: u32) -> String {
    let index = |number: u32| number as usize;
    match number {
        0..20 => SMALL[index(number)].to_owned(),
        20..100 if number.is_multiple_of(10) => TENS[index(number / 10)].to_owned(),
        20..100 => format!("{} {}", TENS[index(number / 10)], SMALL[index(number % 10)]),
        _ if number.is_multiple_of(100) => format!("{} hundred", words(number / 100 % 100)),
        _ => format!("{} hundred {}", words(number / 100 % 100), words(number % 100)),
    }
}

fn ordinal(number: u32) -> String {
    let cardinal = words(number);
    let (before, last) = cardinal.rsplit_once(' ').map_or(("", cardinal.as_str()), |(before, last)| (before, last));
    let last = ORDINALS.iter().find(|(plain, _)| *plain == last).map_or_else(|| format!("{last}th"), |(_, ordinal)| (*ordinal).to_owned());
    if before.is_empty() { last } else { format!("{before} {last}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read_as_people_read_it() {
        let table = [
            ("We open at 9:30.", "We open at nine thirty."),
            ("at 9:05 a.m. tomorrow", "at nine oh five AM tomorrow"),
            ("from 9am to 5pm", "from nine AM to five PM"),
            ("from 9 am, to 5 p.m.", "from nine AM, to five PM"),
            ("at 14:00, sharp", "at two PM, sharp"),
            ("at 0:15", "at twelve fifteen AM"),
            ("at 12:00", "at twelve o'clock"),
            ("on 2026-11-23.", "on November twenty third, twenty twenty six."),
            ("on 1/2/2005", "on January second, two thousand five"),
            ("since 1999", "since 1999"),
            ("12.5% off", "12.5 percent off"),
            ("it is -3°C", "it is minus 3 degrees Celsius"),
            ("$2.5 million", "2.5 million dollars"),
            ("$12.50", "$12.50"),
            ("EUR 20, please", "20 euros, please"),
            ("5€", "5 euros"),
            ("write to jane.doe2@mail-box.com.", "write to jane dot doe two at mail dash box dot com."),
            ("see https://www.example.com/help/", "see W W W dot example dot com slash help"),
            ("10-15 minutes", "10 to 15 minutes"),
            ("open 24/7!", "open twenty four seven!"),
            ("Order #12", "Order number 12"),
            ("code AB-1234", "code A B one two three four"),
            ("salt & pepper", "salt and pepper"),
            ("call 555-123-4567", "call 555-123-4567"),
            ("ratio 3:2 and 25:61", "ratio 3:2 and 25:61"),
            ("I am 9, am I?", "I am 9, am I?"),
        ];
        for (written, said) in table {
            assert_eq!(read_out(written), said, "{written:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn any_text_is_read_without_panic(text in "[a-zA-Z0-9 .:/@#$%°€()+\\-]{0,60}") {
            read_out(&text);
        }
    }
}
