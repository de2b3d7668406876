//! A gzip body, inflated as it arrives and cut before it can grow out of proportion.

use std::io::{self, Write};

use flate2::write::GzDecoder;

/// Inflated bytes that need no proportion to the body.
const FREE: usize = 1 << 20;
/// Inflated bytes for a byte of the body at most, past [`FREE`]: no log line compresses like that.
const MAX_RATIO: usize = 200;
/// Bytes fed at a time, so that the cut comes soon after the limit.
const STEP: usize = 4 << 10;

/// Why inflating stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InflateError {
    /// More than the limit, or out of proportion.
    TooLarge,
    /// Not gzip, torn, or more than one member.
    Malformed,
}

/// Inflates one gzip member.
pub(super) struct Inflater {
    decoder: GzDecoder<Capped>,
    limit: usize,
    fed: usize,
}

impl Inflater {
    /// Inflates to `limit` bytes at most.
    pub(super) fn new(limit: usize) -> Self {
        Self { decoder: GzDecoder::new(Capped::default()), limit, fed: 0 }
    }

    /// Inflates a piece of the body.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), InflateError> {
        for mut step in piece.chunks(STEP) {
            self.fed += step.len();
            let in_proportion = FREE.max(self.fed.saturating_mul(MAX_RATIO));
            self.decoder.get_mut().cap = self.limit.min(in_proportion);
            while !step.is_empty() {
                match self.decoder.write(step) {
                    Ok(taken) if taken > 0 => step = &step[taken..],
                    // Nothing is taken after the end of the member.
                    Ok(_) => return Err(InflateError::Malformed),
                    Err(error) => return Err(self.blame(&error)),
                }
            }
        }
        Ok(())
    }

    /// What is inflated so far.
    pub(super) fn inflated(&self) -> &[u8] {
        &self.decoder.get_ref().bytes
    }

    /// All of it, when the member is whole.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, InflateError> {
        match self.decoder.try_finish() {
            Ok(()) => Ok(std::mem::take(&mut self.decoder.get_mut().bytes)),
            Err(error) => Err(self.blame(&error)),
        }
    }

    fn blame(&self, _error: &io::Error) -> InflateError {
        if self.decoder.get_ref().overflowed { InflateError::TooLarge } else { InflateError::Malformed }
    }
}

/// Takes bytes up to a cap.
#[derive(Default)]
struct Capped {
    bytes: Vec<u8>,
    cap: usize,
    overflowed: bool,
}

impl Write for Capped {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + piece.len() > self.cap {
            self.overflowed = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).expect("a Vec takes all");
        encoder.finish().expect("a Vec takes all")
    }

    fn inflate(body: &[u8], limit: usize, piece: usize) -> Result<Vec<u8>, InflateError> {
        let mut inflater = Inflater::new(limit);
        for piece in body.chunks(piece) {
            inflater.push(piece)?;
        }
        inflater.finish()
    }

    #[test]
    fn a_bomb_is_cut_by_its_proportion() {
        let bomb = gzip(&vec![0; 64 << 20]);
        let mut inflater = Inflater::new(64 << 20);
        assert_eq!(inflater.push(&bomb), Err(InflateError::TooLarge));
        assert!(inflater.inflated().len() <= FREE);
    }

    #[test]
    fn what_compresses_well_but_is_small_is_taken() {
        assert_eq!(inflate(&gzip(&vec![b'x'; 200_000]), 1 << 20, 7), Ok(vec![b'x'; 200_000]));
    }

    #[test]
    fn the_limit_holds() {
        let body = gzip(b"0123456789");
        assert_eq!(inflate(&body, 10, 3), Ok(b"0123456789".to_vec()));
        assert_eq!(inflate(&body, 9, 3), Err(InflateError::TooLarge));
    }

    #[test]
    fn what_is_not_one_whole_member_is_malformed() {
        let whole = gzip(b"{}");
        let two = [whole.clone(), whole.clone()].concat();
        let garbage = [whole.clone(), b"x".to_vec()].concat();
        for bad in [&b"{\"plain\":1}"[..], b"", &whole[..whole.len() - 1], &two, &garbage] {
            for piece in [1, 5, 4096] {
                assert_eq!(inflate(bad, 1 << 20, piece), Err(InflateError::Malformed), "{bad:?} by {piece}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(plain: Vec<u8>, piece in 1..50_usize) {
            prop_assert_eq!(inflate(&gzip(&plain), 1 << 20, piece), Ok(plain));
        }

        #[test]
        fn nothing_panics(body: Vec<u8>) {
            let _ = inflate(&body, 1 << 20, 16);
        }
    }
}
