//! Compression of what is streamed: gzip, flushed with every piece, so that nothing waits for more.

use std::io::Write;

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use flate2::Compression;
use flate2::write::GzEncoder;

/// How pieces are sent.
pub(super) enum Pack {
    /// As they are.
    Plain,
    /// As one gzip stream.
    Gzip(GzEncoder<Vec<u8>>),
}

impl Pack {
    /// What `Accept-Encoding` takes.
    pub(super) fn accepted(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let mut codings = values.flat_map(|value| value.split(','));
        let takes_gzip = codings.any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
            is_gzip && quality.unwrap_or(1.0) > 0.0
        });
        if takes_gzip { Self::Gzip(GzEncoder::new(Vec::new(), Compression::fast())) } else { Self::Plain }
    }

    /// The `content-encoding`.
    pub(super) fn encoding(&self) -> Option<&'static str> {
        matches!(self, Self::Gzip(_)).then_some("gzip")
    }

    /// A piece as it is sent.
    pub(super) fn pack(&mut self, piece: &[u8]) -> Bytes {
        match self {
            Self::Plain => Bytes::copy_from_slice(piece),
            Self::Gzip(_) if piece.is_empty() => Bytes::new(),
            Self::Gzip(encoder) => {
                encoder.write_all(piece).and_then(|()| encoder.flush()).expect("a vector takes all");
                Bytes::from(std::mem::take(encoder.get_mut()))
            }
        }
    }

    /// The last piece as it is sent.
    pub(super) fn finish(mut self, piece: &[u8]) -> Bytes {
        let packed = self.pack(piece);
        match self {
            Self::Plain => packed,
            Self::Gzip(encoder) => {
                let end = encoder.finish().expect("a vector takes all");
                Bytes::from([packed, Bytes::from(end)].concat())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use axum::http::HeaderValue;
    use flate2::read::GzDecoder;

    use super::*;

    fn accepted(value: &'static str) -> Pack {
        Pack::accepted(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]))
    }

    #[test]
    fn gzip_is_used_where_it_is_accepted() {
        assert_eq!(accepted("br, gzip;q=0.5").encoding(), Some("gzip"));
        for other in ["", "br", "gzip;q=0", "identity"] {
            assert_eq!(accepted(other).encoding(), None, "{other}");
        }
    }

    #[test]
    fn each_piece_can_be_read_when_it_comes() {
        let mut pack = accepted("gzip");
        let mut sent = pack.pack(b"one ").to_vec();
        let mut text = [0; 4];
        GzDecoder::new(sent.as_slice()).read_exact(&mut text).expect("the first piece alone");
        assert_eq!(&text, b"one ");
        sent.extend(pack.finish(b"two"));
        let mut text = String::new();
        GzDecoder::new(sent.as_slice()).read_to_string(&mut text).expect("a whole stream");
        assert_eq!(text, "one two");
    }
}
