//! What of Kafka's protocol is spoken: big-endian numbers, and texts and lists behind their lengths.
//!
//! Each message is in a version that brokers know from 0.11 on to the present, so that none is to be agreed on.

use crate::destination::Failure;

/// A message of the protocol: its number, and the version that is spoken of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Api {
    pub(super) key: i16,
    pub(super) version: i16,
}

/// Records for partitions.
pub(super) const PRODUCE: Api = Api { key: 0, version: 3 };
/// Which brokers there are, and who leads which partition.
pub(super) const METADATA: Api = Api { key: 3, version: 4 };
/// By which mechanism somebody wants to prove who they are.
pub(super) const SASL_HANDSHAKE: Api = Api { key: 17, version: 1 };
/// A step of that mechanism.
pub(super) const SASL_AUTHENTICATE: Api = Api { key: 36, version: 0 };

/// A message that is written.
#[derive(Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn bool(&mut self, value: bool) {
        self.0.push(u8::from(value));
    }

    pub(super) fn i16(&mut self, value: i16) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    /// How many follow, or how long what follows is; messages are far smaller than 2 GiB.
    pub(super) fn count(&mut self, count: usize) {
        self.i32(i32::try_from(count).expect("a delivery is bounded"));
    }

    /// A short text; none for what is left out.
    pub(super) fn text(&mut self, text: Option<&str>) {
        let Some(text) = text else { return self.i16(-1) };
        self.i16(i16::try_from(text.len()).expect("names are short"));
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// A number in as few bytes as it takes, small negative ones too.
    pub(super) fn varint(&mut self, value: i64) {
        let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
        while rest >= 0x80 {
            self.0.push(u8::try_from(rest & 0x7f).expect("seven bits") | 0x80);
            rest >>= 7;
        }
        self.0.push(u8::try_from(rest).expect("seven bits"));
    }

    /// Bytes behind their length as such a number.
    pub(super) fn short(&mut self, bytes: &[u8]) {
        self.varint(i64::try_from(bytes.len()).expect("a delivery is bounded"));
        self.0.extend_from_slice(bytes);
    }
}

/// An answer that is read; nothing is made room for before it is there.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, size: usize) -> Result<&'a [u8], Failure> {
        let (taken, rest) = self.0.split_at_checked(size).ok_or_else(short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        self.take(N)?.try_into().map_err(|_| short())
    }

    pub(super) fn bool(&mut self) -> Result<bool, Failure> {
        Ok(self.number::<1>()? != [0])
    }

    pub(super) fn i16(&mut self) -> Result<i16, Failure> {
        Ok(i16::from_be_bytes(self.number()?))
    }

    pub(super) fn i32(&mut self) -> Result<i32, Failure> {
        Ok(i32::from_be_bytes(self.number()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64, Failure> {
        Ok(i64::from_be_bytes(self.number()?))
    }

    /// A short text; none for what was left out.
    pub(super) fn text(&mut self) -> Result<Option<String>, Failure> {
        let Ok(length) = usize::try_from(self.i16()?) else { return Ok(None) };
        Ok(Some(String::from_utf8_lossy(self.take(length)?).into_owned()))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Failure> {
        let length = usize::try_from(self.i32()?).unwrap_or(0);
        self.take(length)
    }

    /// A list, each item read by `item`.
    pub(super) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        let mut items = Vec::new();
        for _ in 0..self.i32()? {
            items.push(item(self)?);
        }
        Ok(items)
    }
}

fn short() -> Failure {
    Failure::retry("its answer is shorter than it says")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_as_few_bytes_as_they_can() {
        for (number, bytes) in [
            (0, &[0][..]),
            (-1, &[1]),
            (1, &[2]),
            (-64, &[127]),
            (64, &[0x80, 1]),
            (300, &[0xd8, 4]),
            (i64::MIN, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        ] {
            let mut writer = Writer::default();
            writer.varint(number);
            assert_eq!(writer.0, bytes, "{number}");
        }
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let mut writer = Writer::default();
        writer.text(Some("é"));
        writer.text(None);
        writer.count(2);
        writer.i64(-5);
        writer.i64(7);
        writer.bytes(b"x");
        writer.bool(true);
        let mut reader = Reader(&writer.0);
        assert_eq!(reader.text(), Ok(Some("é".to_owned())));
        assert_eq!(reader.text(), Ok(None));
        assert_eq!(reader.list(Reader::i64), Ok(vec![-5, 7]));
        assert_eq!((reader.bytes(), reader.bool()), (Ok(&b"x"[..]), Ok(true)));
        assert!(reader.bool().is_err(), "there is no more");
    }

    /// A length that is a lie costs nothing.
    #[test]
    fn s56_nothing_is_made_room_for_before_it_is_there() {
        let lie = i32::MAX.to_be_bytes();
        assert!(Reader(&lie).list(Reader::i32).is_err());
        assert!(Reader(&lie).bytes().is_err());
        assert!(Reader(&i16::MAX.to_be_bytes()).text().is_err());
    }
}
