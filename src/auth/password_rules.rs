//! What a password must be: long, and not one that is tried first.

use std::ops::RangeInclusive;

/// Characters of a password.
const CHARS: RangeInclusive<usize> = 12..=128;

/// Words that common passwords are made of, in lower case and without digits at their ends, sorted.
const COMMON: &str = include_str!("common_passwords.txt");

/// Characters beyond a common word, a name or a pattern that make a password of its own.
const OWN_CHARS: usize = 8;

/// Characters of the longest unit that, repeated, makes no password.
const MAX_UNIT: usize = 6;

/// What is wrong with a password of the user with this e-mail; none when nothing is.
#[must_use]
pub fn problem(password: &str, email: &str) -> Option<&'static str> {
    if !CHARS.contains(&password.chars().count()) {
        return Some("a password has 12 to 128 characters");
    }
    let plain: Vec<char> = password.to_lowercase().chars().collect();
    if is_repeated(&plain) || is_run(&plain) {
        return Some("this password repeats itself or counts: everybody tries those first");
    }
    let name = email.split('@').next().unwrap_or_default().to_lowercase();
    if name.chars().count() >= 4 && is_dressed(&plain.iter().collect::<String>(), &name) {
        return Some("this password is made of the e-mail");
    }
    if is_common(&plain) { Some("this password is a common one: everybody tries those first") } else { None }
}

/// The same short unit again and again.
fn is_repeated(plain: &[char]) -> bool {
    (1..=MAX_UNIT).any(|unit| plain.iter().zip(&plain[unit..]).all(|(one, next)| one == next))
}

/// Each character follows the one before it, upward or downward: `abcdefghijkl`, `210987654321`.
fn is_run(plain: &[char]) -> bool {
    let digit_or = |c: char| c.to_digit(10).unwrap_or(u32::from(c) + 100);
    let steps = |by: u32| {
        plain.windows(2).all(|pair| {
            let (one, next) = (digit_or(pair[0]), digit_or(pair[1]));
            next == one + by || one == next + by || (one, next) == (9, 0) || (one, next) == (0, 9)
        })
    };
    steps(1)
}

/// No letter at all, or a common word, however it is spelled and dressed up: `P@ssw0rd2024!!`.
fn is_common(plain: &[char]) -> bool {
    let text: String = plain.iter().collect();
    let core = text.trim_matches(|c: char| !c.is_alphabetic());
    if text.chars().count() - core.chars().count() >= OWN_CHARS && !core.is_empty() {
        return false;
    }
    let written: String = core.chars().filter(|c| is_kept(*c)).collect();
    let spelled: String = core.chars().map(unleet).filter(|c| is_kept(*c)).collect();
    core.is_empty() || [written, spelled].iter().any(|word| is_listed(unit(word)))
}

/// A space keeps words apart: several of them are no common password.
fn is_kept(c: char) -> bool {
    c.is_alphanumeric() || c == ' '
}

/// The word that a text repeats twice or three times; else the text.
fn unit(text: &str) -> &str {
    let parts =
        [2, 3].into_iter().filter_map(|times| text.get(..text.len() / times).map(|part| (times, part)));
    let repeated = parts.into_iter().find(|(times, part)| part.repeat(*times) == text);
    repeated.map_or(text, |(_, part)| part)
}

fn is_listed(word: &str) -> bool {
    !word.is_empty() && COMMON.lines().any(|common| common == word)
}

/// The name with fewer than eight characters around it.
fn is_dressed(text: &str, name: &str) -> bool {
    text.contains(name) && text.chars().count() - name.chars().count() < OWN_CHARS
}

/// The letter that a digit or sign stands for.
fn unleet(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMAIL: &str = "charlotte@example.com";

    #[test]
    fn the_list_is_sorted_and_without_twins() {
        let words: Vec<_> = COMMON.lines().collect();
        assert!(words.is_sorted() && words.len() > 400, "{}", words.len());
        assert!(words.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn long_ones_of_their_own_are_taken() {
        for good in [
            "correct horse battery staple",
            "correct horse battery",
            "tram-lemon-oxide",
            "Tq8#vWz!r2Lm",
            "drei Haselnüsse für Aschenbrödel",
            "passwords are dull 88 times",
        ] {
            assert_eq!(problem(good, EMAIL), None, "{good}");
        }
    }

    #[test]
    fn short_long_common_and_patterned_ones_are_refused() {
        for bad in [
            "",
            "elevenchars",
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "123456789012",
            "012345678910",
            "abcdefghijkl",
            "210987654321",
            "password1234",
            "Password123!",
            "P@ssw0rd2024",
            "passwordpassword",
            "administrator1",
            "qwertyuiop123",
            "Welcome2026!!",
            "iloveyou1234",
            "correcthorsebatterystaple",
            "Charlotte123",
            "charlotte@2026",
        ] {
            assert!(problem(bad, EMAIL).is_some(), "{bad}");
        }
        assert!(problem(&"é".repeat(129), EMAIL).is_some());
    }
}
