//! Codecs into buffers of the caller. G.711 by table, without state; G.722 by what a stream has heard so far.
//!
//! Everything inside is 8 kHz: of G.722 the lower band is spoken and heard (300–3,400 Hz and a little more). One octet is one tick of its RTP
//! clock, which runs at 8 kHz though the codec samples at 16 (RFC 3551 section 4.5.2), so a packet is as long as with G.711.

use super::{AudioCodec, FRAME};
use audio_codec::g722::{Bitrate, G722Decoder, G722Encoder};
use audio_codec::{BoxedResampler, Decoder, Encoder, pcma, pcmu};

/// No decoded sample has this value: the jitter buffer marks gaps with it.
pub(super) const GAP: i16 = i16::MIN;

/// One stream that we send.
#[derive(Default)]
pub(super) struct Speaker {
    g722: Option<Box<G722Speaker>>,
}

/// The encoder wants 16 kHz: its own 8 kHz mode writes codes nobody understands.
struct G722Speaker {
    upsampler: BoxedResampler,
    encoder: G722Encoder,
    wide: [i16; 2 * FRAME],
}

impl G722Speaker {
    fn new() -> Box<Self> {
        let upsampler = BoxedResampler::new(8_000, 16_000).expect("both rates are above zero");
        Box::new(Self { upsampler, encoder: G722Encoder::new(), wide: [0; 2 * FRAME] })
    }

    fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> usize {
        let mut written = 0;
        for piece in samples.chunks(FRAME) {
            let count = self.upsampler.resample_into(piece, &mut self.wide).unwrap_or(0);
            written += self.encoder.encode_into(&self.wide[..count], &mut out[written..]).unwrap_or(0);
        }
        written
    }
}

/// One stream that we receive.
#[derive(Default)]
pub(super) struct Listener {
    g722: Option<Box<G722Decoder>>,
}

impl Speaker {
    /// Octets written, one a sample.
    pub(super) fn encode(&mut self, codec: AudioCodec, samples: &[i16], out: &mut [u8]) -> usize {
        match codec {
            AudioCodec::Pcmu | AudioCodec::Pcma => {
                self.g722 = None;
                encode(codec, samples, out)
            }
            AudioCodec::G722 => {
                let samples = &samples[..samples.len().min(out.len())];
                self.g722.get_or_insert_with(G722Speaker::new).encode(samples, out)
            }
        }
    }
}

impl Listener {
    /// Samples written, one an octet.
    pub(super) fn decode(&mut self, codec: AudioCodec, octets: &[u8], out: &mut [i16]) -> usize {
        match codec {
            AudioCodec::Pcmu | AudioCodec::Pcma => decode(codec, octets, out),
            AudioCodec::G722 => {
                let octets = &octets[..octets.len().min(out.len())];
                let decoder = self.g722.get_or_insert_with(|| Box::new(G722Decoder::with_options(Bitrate::Mode1_64000, false, true)));
                let count = decoder.decode_into(octets, out).unwrap_or(0);
                out[..count].iter_mut().for_each(|sample| *sample = (*sample).max(GAP + 1));
                count
            }
        }
    }

    /// Another stream begins.
    pub(super) fn reset(&mut self) {
        self.g722 = None;
    }
}

/// G.711: octets written, as many as both slices have room for, one a sample. None for codecs with state.
pub fn encode(codec: AudioCodec, samples: &[i16], out: &mut [u8]) -> usize {
    let count = samples.len().min(out.len());
    let (samples, out) = (&samples[..count], &mut out[..count]);
    match codec {
        AudioCodec::Pcmu => pcmu::PcmuEncoder::new().encode_into(samples, out).unwrap_or(0),
        AudioCodec::Pcma => pcma::PcmaEncoder::new().encode_into(samples, out).unwrap_or(0),
        AudioCodec::G722 => 0,
    }
}

/// G.711: samples written, as many as both slices have room for, one an octet; never `i16::MIN`. None for codecs with state.
pub fn decode(codec: AudioCodec, octets: &[u8], out: &mut [i16]) -> usize {
    let count = octets.len().min(out.len());
    let (octets, out) = (&octets[..count], &mut out[..count]);
    match codec {
        AudioCodec::Pcmu => pcmu::PcmuDecoder::new().decode_into(octets, out).unwrap_or(0),
        AudioCodec::Pcma => pcma::PcmaDecoder::new().decode_into(octets, out).unwrap_or(0),
        AudioCodec::G722 => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    #[test]
    fn every_code_survives_a_round_and_none_is_the_gap_mark() {
        let codes: Vec<u8> = (0..=255).collect();
        for codec in [AudioCodec::Pcmu, AudioCodec::Pcma] {
            let mut samples = [0; 256];
            let mut again = [0; 256];
            let mut twice = [0; 256];
            assert_eq!(decode(codec, &codes, &mut samples), 256);
            encode(codec, &samples, &mut again);
            decode(codec, &again, &mut twice);
            // One step at the zero crossing is the crate's freedom: A-law has two smallest codes.
            assert!(samples.iter().zip(&twice).all(|(sample, again)| sample.abs_diff(*again) <= 16), "{codec:?}");
            assert!(samples.iter().all(|sample| *sample != GAP));
        }
    }

    #[test]
    fn values_of_the_standard() {
        let mut out = [0; 2];
        encode(AudioCodec::Pcmu, &[0, -32_768], &mut out);
        assert_eq!(out, [0xff, 0x00]);
        encode(AudioCodec::Pcma, &[0, 32_767], &mut out);
        assert_eq!(out, [0xd5, 0xaa]);
    }

    #[test]
    fn a_short_buffer_is_filled_and_no_more() {
        assert_eq!(decode(AudioCodec::Pcma, &[0; 10], &mut [0; 4]), 4);
        assert_eq!(encode(AudioCodec::Pcmu, &[0; 3], &mut [0; 4]), 3);
        assert_eq!(Listener::default().decode(AudioCodec::G722, &[0; 10], &mut [0; 4]), 4);
    }

    #[test]
    fn g722_keeps_a_tone_its_level_and_its_length() {
        for hertz in [300.0_f32, 1_000.0, 3_000.0] {
            let (mut speaker, mut listener) = (Speaker::default(), Listener::default());
            let (mut said, mut heard) = (Vec::new(), Vec::new());
            for frame in 0..50 {
                let tone: [i16; 160] = std::array::from_fn(|n| (8_000.0 * (TAU * hertz * (frame * 160 + n) as f32 / 8_000.0).sin()) as i16);
                let (mut octets, mut back) = ([0; 160], [0; 160]);
                assert_eq!(speaker.encode(AudioCodec::G722, &tone, &mut octets), 160);
                assert_eq!(listener.decode(AudioCodec::G722, &octets, &mut back), 160);
                said.extend(tone);
                heard.extend(back);
            }
            let power = |samples: &[i16]| samples[1_600..].iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>();
            let gain = 10.0 * (power(&heard) / power(&said)).log10();
            assert!(gain.abs() < 1.0, "{hertz} Hz: {gain} dB");
        }
    }

    #[test]
    fn g722_of_another_maker_at_16_khz_is_heard_with_its_level() {
        // The whole codec as phones run it, both bands; we listen to the lower one.
        let mut encoder = G722Encoder::new();
        let mut listener = Listener::default();
        let mut heard = Vec::new();
        for frame in 0..50 {
            let tone: [i16; 320] = std::array::from_fn(|n| (8_000.0 * (TAU * 1_000.0 * (frame * 320 + n) as f32 / 16_000.0).sin()) as i16);
            let (mut octets, mut back) = ([0; 160], [0; 160]);
            assert_eq!(encoder.encode_into(&tone, &mut octets).unwrap(), 160);
            listener.decode(AudioCodec::G722, &octets, &mut back);
            heard.extend(back);
        }
        let power = heard[1_600..].iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / (heard.len() - 1_600) as f32;
        let gain = 10.0 * (power / (8_000.0_f32.powi(2) / 2.0)).log10();
        assert!(gain.abs() < 1.5, "{gain} dB");
    }
}
