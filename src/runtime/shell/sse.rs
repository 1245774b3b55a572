//! Server-sent events out of bytes that arrive in any pieces (WHATWG HTML, 9.2.5 and 9.2.6).

use super::error::TooLong;

/// One line of a stream; a longer one ends the stream with [`TooLong::Line`].
pub(super) const LINE_BYTES_MAX: usize = 256 << 10;

/// Takes bytes, gives the data of whole events. Comments and fields other than `data` are skipped.
#[derive(Debug, Default)]
pub(super) struct SseParser {
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed right after it ends no further line.
    after_cr: bool,
    first_line_seen: bool,
    data: Option<String>,
}

impl SseParser {
    /// Reads on; whole events are added to `events`.
    ///
    /// # Errors
    /// A line or an event beyond [`LINE_BYTES_MAX`].
    pub(super) fn push(&mut self, bytes: &[u8], events: &mut Vec<String>) -> Result<(), TooLong> {
        for byte in bytes {
            let line_feed_of_crlf = self.after_cr && *byte == b'\n';
            self.after_cr = *byte == b'\r';
            match byte {
                _ if line_feed_of_crlf => {}
                b'\r' | b'\n' => self.end_line(events)?,
                _ if self.line.len() >= LINE_BYTES_MAX => return Err(TooLong::Line),
                other => self.line.push(*other),
            }
        }
        Ok(())
    }

    /// The stream is over. An event whose blank line is missing still counts: some servers leave the last one out.
    pub(super) fn finish(mut self, events: &mut Vec<String>) -> Result<(), TooLong> {
        if !self.line.is_empty() {
            self.end_line(events)?;
        }
        events.extend(self.data.take());
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<String>) -> Result<(), TooLong> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = if self.first_line_seen { &*line } else { line.trim_start_matches('\u{feff}') };
        self.first_line_seen = true;
        if line.is_empty() {
            events.extend(self.data.take());
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        if field != "data" {
            return Ok(());
        }
        let value = value.strip_prefix(' ').unwrap_or(value);
        match &mut self.data {
            None => self.data = Some(value.to_owned()),
            Some(data) if data.len() + value.len() >= LINE_BYTES_MAX => return Err(TooLong::Line),
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn events(pieces: &[&[u8]]) -> Vec<String> {
        let (mut parser, mut found) = (SseParser::default(), Vec::new());
        for piece in pieces {
            parser.push(piece, &mut found).unwrap();
        }
        parser.finish(&mut found).unwrap();
        found
    }

    const STREAM: &[u8] =
        "\u{feff}: hello\r\ndata: {\"a\":\"grüß\"}\r\n\r\nevent: x\ndata:one\ndata: two\n\nid: 7\r\r: ping\n\ndata: [DONE]\n\n".as_bytes();

    #[test]
    fn comments_line_ends_and_many_data_lines_are_read_as_the_standard_says() {
        assert_eq!(events(&[STREAM]), ["{\"a\":\"grüß\"}", "one\ntwo", "[DONE]"]);
        assert_eq!(events(&[b"data: last without a blank line"]), ["last without a blank line"]);
        assert!(events(&[b": only a comment\n\n\n"]).is_empty());
        assert_eq!(events(&[b"data\n\n"]), [""]);
    }

    #[test]
    fn a_line_without_end_is_refused_and_not_kept() {
        let (mut parser, mut found) = (SseParser::default(), Vec::new());
        assert_eq!(parser.push(&vec![b'x'; LINE_BYTES_MAX + 1], &mut found), Err(TooLong::Line));
        let mut parser = SseParser::default();
        let line = [b"data: ".as_slice(), &vec![b'y'; LINE_BYTES_MAX / 2], b"\n"].concat();
        let refused = (0..3).any(|_| parser.push(&line, &mut found).is_err());
        assert!(refused && found.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn where_the_bytes_are_split_changes_nothing(cuts in proptest::collection::vec(0..STREAM.len(), 0..12)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut pieces: Vec<&[u8]> = Vec::new();
            let mut from = 0;
            for cut in cuts {
                pieces.push(&STREAM[from..cut]);
                from = cut;
            }
            pieces.push(&STREAM[from..]);
            prop_assert_eq!(events(&pieces), events(&[STREAM]));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (mut parser, mut found) = (SseParser::default(), Vec::new());
            prop_assert!(parser.push(&bytes, &mut found).is_ok());
        }
    }
}
